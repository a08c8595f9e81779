#include <string>
#include <vector>

#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/tensor/error.h"

namespace nabla::cpu {
namespace {

class FunctionStep final : public StepKernel {
 public:
  FunctionStep(Kernel kernel, const StepDescription& step)
      : kernel_(kernel),
        output_{nullptr, step.output, step.output_type},
        attributes_(step.attributes),
        in_parts_(!step.parts.empty()) {
    for (std::size_t i = 0; i < step.inputs.size(); ++i)
      inputs_.push_back({nullptr, step.inputs[i], step.input_types[i]});
  }

  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) const override {
    std::vector<ArrayView> read = inputs_;
    // Kernels take their inputs as constant: a view knows no such difference.
    for (std::size_t i = 0; i < read.size(); ++i) read[i].block = const_cast<std::byte*>(inputs[i]);
    if (in_parts_) return kernel_({read, output_, attributes_, outputs});
    ArrayView written = output_;
    written.block = outputs[0];
    kernel_({read, written, attributes_});
  }

 private:
  Kernel kernel_;
  std::vector<ArrayView> inputs_;
  ArrayView output_;
  Attributes attributes_;
  bool in_parts_;
};

}  // namespace

Kernel kernel_of(const Primitive& primitive) {
  switch (primitive.op()) {
#define STEP(name, ...) \
  case Op::name:        \
    return &name##_kernel;
#define ROWS(name, ...) STEP(name)
#include "engine/graph/primitives.def"
    case Op::constant:
      return &constant_kernel;
    default:
      throw Error("cpu: no kernel for " + std::string(primitive.name()));
  }
}

std::shared_ptr<const StepKernel> make_step(Kernel kernel, const StepDescription& step) {
  return std::make_shared<FunctionStep>(kernel, step);
}

}  // namespace nabla::cpu
