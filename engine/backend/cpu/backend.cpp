#include "engine/backend/backend.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/product/packed_operand.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/backend/cpu/tile/tile_kernel.h"

namespace nabla {
namespace {

class CpuRunner final : public StepRunner {
 public:
  explicit CpuRunner(std::vector<BoundStep> steps) : steps_(std::move(steps)) {}

  std::shared_ptr<Buffer> arena(std::size_t bytes) override { return std::make_shared<Buffer>(bytes); }
  void locate(std::span<Buffer* const> buffers, std::span<std::byte*> addresses) override {
    for (std::size_t i = 0; i < buffers.size(); ++i)
      if (buffers[i]) addresses[i] = buffers[i]->data();
  }
  void run(std::span<std::byte* const> blocks, const std::function<void(std::size_t)>& after) override {
    const cpu::EvaluationScope evaluation;
    auto& [read, written] = cpu::thread_own<Addresses>();
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      const BoundStep& step = steps_[s];
      read.clear();
      written.clear();
      for (const int input : step.inputs) read.push_back(blocks[input]);
      for (const int output : step.outputs) written.push_back(blocks[output]);
      step.kernel->run(read, written);
      if (after) after(s);
    }
  }

 private:
  struct Addresses {
    std::vector<const std::byte*> read;
    std::vector<std::byte*> written;
  };

  std::vector<BoundStep> steps_;
};

class CpuBackend final : public Backend {
 public:
  Device device() const override { return Device::cpu; }
  std::shared_ptr<const StepKernel> prepare(const StepDescription& step) const override {
    if (!step.primitive) return cpu::make_step(&cpu::copy_to_dense, step);
    return cpu::make_step(cpu::kernel_of(*step.primitive), step);
  }
  std::optional<PackedOperand> packed(const StepDescription& step, std::size_t slot) const override {
    if (!step.primitive || step.primitive->op() != Op::contraction || step.output_type != DType::f32)
      return std::nullopt;
    return cpu::packed_contraction_operand(step, slot);
  }
  std::shared_ptr<const StepKernel> compile(const TileProgram& program, const Shape& shape,
                                            std::span<const Layout> inputs) const override {
    return cpu::make_tile_kernel(program, shape, inputs);
  }
  std::unique_ptr<StepRunner> runner(std::vector<BoundStep> steps, std::vector<BoundBlock>) const override {
    return std::make_unique<CpuRunner>(std::move(steps));
  }
  // Steps run one after the other.
  std::size_t most_unshared_bytes() const override { return 0; }
  std::shared_ptr<Buffer> allocate(std::size_t bytes) const override {
    return std::make_shared<Buffer>(bytes);
  }
  std::byte* to_write(Buffer& buffer) const override {
    std::byte* data = buffer.data();
    buffer.forget_device();
    return data;
  }
  void copy_to_host(std::byte* to, const std::byte* from, std::size_t bytes) const override {
    std::copy_n(from, bytes, to);
  }
};

}  // namespace

const Backend& cpu_backend() {
  static const CpuBackend& backend = *new CpuBackend;
  return backend;
}

}  // namespace nabla
