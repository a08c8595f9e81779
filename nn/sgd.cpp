#include "nn/sgd.h"

#include <string>

#include "engine/ops/pointwise.h"
#include "engine/tensor/number_text.h"
#include "nn/step_inputs.h"

namespace nabla::nn {

Sgd::Sgd(const Module& module, const SgdOptions& options)
    : parameters_(module.parameters()), options_(options) {
  const bool fits = options.momentum >= 0 && options.momentum < 1 && options.weight_decay >= 0;
  if (!fits || (options.nesterov && options.momentum == 0))
    throw Error("sgd: the momentum " + number_text(options.momentum) +
                " must be in [0, 1), and positive with nesterov, and the weight decay " +
                number_text(options.weight_decay) + " not negative");
  velocities_.add_option("momentum", options.momentum);
  velocities_.add_option("nesterov", options.nesterov ? 1 : 0);
  velocities_.add_option("weight_decay", options.weight_decay);
  if (options.momentum > 0)
    for (const Parameter& parameter : parameters_)
      velocities_.add("velocity." + parameter.name, parameter.cell->get());
}

std::vector<Update> Sgd::updates(const std::vector<Tensor>& gradients, double learning_rate) {
  return updates(gradients, learning_rate_of("sgd", learning_rate));
}

std::vector<Update> Sgd::updates(const std::vector<Tensor>& gradients, const Tensor& learning_rate) {
  require_gradients("sgd", parameters_, gradients);
  const Tensor rate = learning_rate_of("sgd", learning_rate);
  const Tensor f32_rate = cast(rate, DType::f32);
  std::vector<Update> updates;
  std::vector<Update> velocities;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor p = parameters_[i].cell->get();
    const Tensor g = options_.weight_decay > 0 ? gradients[i] + p * options_.weight_decay : gradients[i];
    Tensor direction = g;
    if (options_.momentum > 0) {
      Cell* cell = velocities_.parameters()[i].cell;
      const Tensor v = cell->get() * options_.momentum + g;
      direction = options_.nesterov ? g + v * options_.momentum : v;
      velocities.push_back({cell, v});
    }
    updates.push_back({parameters_[i].cell, p - direction * (p.dtype() == DType::f64 ? rate : f32_rate)});
  }
  updates.insert(updates.end(), velocities.begin(), velocities.end());
  updates.push_back(velocities_.next_step());
  return updates;
}

}  // namespace nabla::nn
