#include "engine/backend/cuda_backend.h"

#include <string>
#include <utility>

#include "engine/backend/cuda/compiler.h"
#include "engine/backend/cuda/context.h"
#include "engine/backend/cuda/device_memory.h"
#include "engine/backend/cuda/runner.h"
#include "engine/backend/cuda/source/convolution_form.h"
#include "engine/backend/cuda/step.h"

namespace nabla::cuda {
namespace {

class CudaBackend final : public Backend {
 public:
  Device device() const override { return Device::cuda; }
  std::shared_ptr<const StepKernel> prepare(const StepDescription& step) const override {
    if (is_matrix_product(step)) return make_matmul_step(step);
    if (is_convolution(step)) return make_convolution_step(step);
    return make_kernel_step(step);
  }
  // cuBLASLt reads operands as they lie.
  std::optional<PackedOperand> packed(const StepDescription&, std::size_t) const override {
    return std::nullopt;
  }
  std::shared_ptr<const StepKernel> compile(const TileProgram& program, const Shape& shape,
                                            std::span<const Layout> inputs) const override {
    return make_kernel_step(std::string(program.instructions.back().primitive->name()),
                            tile_source(program, shape, inputs), inputs,
                            std::span(program.dtypes).first(inputs.size()));
  }
  std::unique_ptr<StepRunner> runner(std::vector<BoundStep> steps,
                                     std::vector<BoundBlock> blocks) const override {
    return make_runner(std::move(steps), std::move(blocks));
  }

  // Little beside the memory of a GPU. The steps of larger plans keep it busy one by one.
  std::size_t most_unshared_bytes() const override { return std::size_t{256} << 20; }
  std::shared_ptr<Buffer> allocate(std::size_t bytes) const override {
    return std::make_shared<Buffer>(std::make_unique<Block>(bytes), bytes);
  }
  std::byte* to_write(Buffer& buffer) const override {
    std::byte* const address = on_device(buffer);
    buffer.forget_host();
    return address;
  }
  void copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes) const override {
    download(to, from, bytes);
  }
};

std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

}  // namespace

const Backend& backend() {
  static const Backend& instance = *[] {
    Context::instance();
    return new CudaBackend;
  }();
  return instance;
}

std::string description() {
  const Context& context = Context::instance();
  int driver = 0;
  int runtime = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  return context.device_name() + " (sm_" + std::to_string(context.architecture()) + "), driver for CUDA " +
         version(driver) + ", runtime " + version(runtime) + ", NVRTC " + compiler_version() + ", cuBLASLt " +
         std::to_string(cublasLtGetVersion()) + ", cuDNN " + std::to_string(cudnnGetVersion());
}

MemoryStatistics memory_statistics() {
  if (!why_unusable().empty()) return {};
  const BlockPool::Statistics statistics = Context::instance().blocks().statistics();
  return {statistics.live_bytes, statistics.peak_bytes};
}

void release_memory_cache() {
  if (why_unusable().empty()) Context::instance().blocks().release();
}

void synchronize() {
  if (why_unusable().empty()) Context::instance().wait("waiting for the device");
}

}  // namespace nabla::cuda
