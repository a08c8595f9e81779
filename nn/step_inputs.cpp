#include "nn/step_inputs.h"

#include <cmath>
#include <string>

#include "engine/compile/trace.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"
#include "engine/tensor/type_text.h"
#include "nn/scalar.h"

namespace nabla::nn {

void require_gradients(std::string_view what, std::span<const Parameter> parameters,
                       const std::vector<Tensor>& gradients) {
  const std::string name(what);
  if (gradients.size() != parameters.size())
    throw Error(name + ": " + std::to_string(gradients.size()) + " gradients for " +
                std::to_string(parameters.size()) + " parameters");
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& g = gradients[i];
    const Cell& p = *parameters[i].cell;
    if (!(g.shape() == p.shape()) || g.dtype() != p.dtype())
      throw Error(name + ": the gradient " + type_text(g) + " does not fit '" + parameters[i].name + "' " +
                  type_text(p.get()));
  }
}

Tensor learning_rate_of(std::string_view what, const Tensor& rate) {
  if (rate.size() != 1 || !is_floating(rate.dtype()))
    throw Error(std::string(what) + ": the learning rate " + type_text(rate) +
                " is not one element of floating type");
  return cast(reshape(rate, Shape{}), DType::f64);
}

Tensor learning_rate_of(std::string_view what, double rate) {
  if (tracing())
    throw Error(
        std::string(what) +
        ": inside compile a learning rate that is a number would stay what it is at the first call; pass "
        "a tensor: an argument of the compiled function, or full({}, rate, DType::f64) if it never changes");
  if (!std::isfinite(rate) || rate < 0)
    throw Error(std::string(what) + ": the learning rate " + number_text(rate) +
                " is negative or not finite");
  return scalar_leaf(rate, DType::f64);
}

}  // namespace nabla::nn
