#include "nn/gradient_accumulator.h"

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "nn/step_inputs.h"

namespace nabla::nn {

GradientAccumulator::GradientAccumulator(const Module& module) : parameters_(module.parameters()) {
  for (const Parameter& parameter : parameters_) sums_.add(parameter.name, parameter.cell->get());
}

std::vector<Update> GradientAccumulator::add(const std::vector<Tensor>& gradients) {
  require_gradients("gradient accumulator", parameters_, gradients);
  std::vector<Update> updates;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    Cell* sum = sums_.parameters()[i].cell;
    updates.push_back({sum, sum->get() + gradients[i]});
  }
  updates.push_back(sums_.next_step());
  return updates;
}

GradientAccumulator::MeanGradients GradientAccumulator::take(const std::vector<Tensor>& gradients) {
  require_gradients("gradient accumulator", parameters_, gradients);
  const Tensor batches = cast(sums_.step_count() + 1, DType::f64);
  MeanGradients mean;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    Cell* sum = sums_.parameters()[i].cell;
    mean.gradients.push_back((sum->get() + gradients[i]) / cast(batches, gradients[i].dtype()));
    mean.updates.push_back({sum, zeros_like(sum->get())});
  }
  mean.updates.push_back(sums_.no_steps());
  return mean;
}

}  // namespace nabla::nn
