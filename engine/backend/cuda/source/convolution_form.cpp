#include "engine/backend/cuda/source/convolution_form.h"

#include "engine/graph/primitive.h"

namespace nabla::cuda {
namespace {

ConvolutionSlot slot_of(const StepDescription& step) {
  switch (step.primitive->op()) {
    case Op::convolution_to_data:
      return ConvolutionSlot::data;
    case Op::convolution_to_weight:
      return ConvolutionSlot::weight;
    default:
      return ConvolutionSlot::result;
  }
}

}  // namespace

bool is_convolution(const StepDescription& step) {
  if (!step.primitive) return false;
  const Op op = step.primitive->op();
  return op == Op::convolution || op == Op::convolution_to_data || op == Op::convolution_to_weight;
}

ConvolutionForm::ConvolutionForm(const StepDescription& step)
    : slot(slot_of(step)),
      window(step.attributes),
      leading(step.output.shape.rank() - window.spatial - 2),
      data(slot == ConvolutionSlot::data ? step.output : step.inputs[0]),
      weight(slot == ConvolutionSlot::weight ? step.output
                                             : step.inputs[slot == ConvolutionSlot::data ? 0 : 1]),
      result(slot == ConvolutionSlot::result ? step.output : step.inputs[1]),
      samples(data.shape[-core()]),
      groups(window.groups),
      inputs(weight.shape[1 - core()]),
      outputs(weight.shape[-core()] / window.groups) {}

}  // namespace nabla::cuda
