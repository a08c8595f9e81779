#include "nn/adam.h"

#include <string>

#include "engine/ops/pointwise.h"
#include "engine/tensor/number_text.h"
#include "nn/step_inputs.h"

namespace nabla::nn {

Adam::Adam(const Module& module, const AdamOptions& options)
    : parameters_(module.parameters()), options_(options) {
  const auto is_rate = [](double beta) { return beta >= 0 && beta < 1; };
  if (!is_rate(options.beta1) || !is_rate(options.beta2) || !(options.epsilon > 0) ||
      !(options.weight_decay >= 0))
    throw Error("adam: beta1 " + number_text(options.beta1) + " and beta2 " + number_text(options.beta2) +
                " must be in [0, 1), epsilon positive and weight decay not negative");
  moments_.add_option("beta1", options.beta1);
  moments_.add_option("beta2", options.beta2);
  moments_.add_option("epsilon", options.epsilon);
  moments_.add_option("weight_decay", options.weight_decay);
  for (const Parameter& parameter : parameters_) {
    first_moments_.push_back(&moments_.add("first." + parameter.name, parameter.cell->get()));
    second_moments_.push_back(&moments_.add("second." + parameter.name, parameter.cell->get()));
  }
}

std::vector<Update> Adam::updates(const std::vector<Tensor>& gradients, double learning_rate) {
  return updates(gradients, learning_rate_of("adam", learning_rate));
}

std::vector<Update> Adam::updates(const std::vector<Tensor>& gradients, const Tensor& learning_rate) {
  require_gradients("adam", parameters_, gradients);
  // With m = (1 - beta1) M and v = (1 - beta2) V:
  //   lr m / (1 - beta1^n) / (sqrt(v / (1 - beta2^n)) + eps) = rate M / (sqrt(V) + shifted_eps).
  // In f64 whatever the parameters are: 1 - beta2^n cancels.
  const Tensor rate = learning_rate_of("adam", learning_rate);
  const Tensor n = cast(moments_.step_count() + 1, DType::f64);
  const Tensor first = (1 - options_.beta1) / (1 - pow(options_.beta1, n));
  const Tensor second = sqrt((1 - options_.beta2) / (1 - pow(options_.beta2, n)));

  struct Scalars {
    Tensor rate, epsilon, keep;
  };
  const auto scalars = [&](DType dtype) -> Scalars {
    return {cast(rate * first / second, dtype), cast(options_.epsilon / second, dtype),
            cast(1 - rate * options_.weight_decay, dtype)};
  };
  const Scalars f32 = scalars(DType::f32);
  const Scalars f64 = scalars(DType::f64);

  std::vector<Update> updates;
  std::vector<Update> moments;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor p = parameters_[i].cell->get();
    const Tensor& g = gradients[i];
    const Scalars& at = p.dtype() == DType::f64 ? f64 : f32;
    const Tensor m = first_moments_[i]->get() * options_.beta1 + g;
    const Tensor v = second_moments_[i]->get() * options_.beta2 + square(g);
    const Tensor change = m * at.rate / (sqrt(v) + at.epsilon);
    updates.push_back({parameters_[i].cell, (options_.weight_decay > 0 ? p * at.keep : p) - change});
    moments.push_back({first_moments_[i], m});
    moments.push_back({second_moments_[i], v});
  }
  updates.insert(updates.end(), moments.begin(), moments.end());
  updates.push_back(moments_.next_step());
  return updates;
}

}  // namespace nabla::nn
