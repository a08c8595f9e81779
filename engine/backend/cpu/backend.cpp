#include "engine/backend/backend.h"

#include <string>

#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/packed_operand.h"
#include "engine/backend/cpu/tile_kernel.h"

namespace nabla {
namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend() {
    cpu::add_shaping_kernels(table_);
    cpu::add_reduction_kernels(table_);
    cpu::add_contraction_kernels(table_);
    cpu::add_indexing_kernels(table_);
    cpu::add_random_kernels(table_);
  }
  Kernel kernel(const Primitive& primitive) const override {
    const auto found = table_.find(primitive.name());
    if (found == table_.end()) throw Error("cpu: no kernel for " + std::string(primitive.name()));
    return found->second;
  }
  std::optional<PackedOperand> packed(const Primitive& primitive, std::span<const Layout> inputs,
                                      const Layout& output, DType dtype, const Attributes& attributes,
                                      std::size_t slot) const override {
    if (primitive.name() != "contraction" || dtype != DType::f32) return std::nullopt;
    return cpu::packed_contraction_operand(inputs, output, attributes, slot);
  }
  Kernel copy_kernel() const override { return &cpu::copy_to_dense; }
  std::unique_ptr<const TileKernel> compile(const TileProgram& program, const Shape& shape,
                                            std::span<const Layout> inputs) const override {
    return cpu::make_tile_kernel(program, shape, inputs);
  }

 private:
  cpu::KernelTable table_;
};

}  // namespace

const Backend& cpu_backend() {
  static const CpuBackend& backend = *new CpuBackend;
  return backend;
}

}  // namespace nabla
