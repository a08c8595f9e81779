#include "engine/autodiff/jacobian/directional_derivatives.h"

#include <string>

#include "engine/autodiff/jvp.h"
#include "engine/autodiff/transform.h"
#include "engine/ops/constant.h"
#include "engine/ops/substitute.h"

namespace nabla {

std::vector<Tensor> directional_derivatives(const std::function<Tensor(const Tensor&)>& v, const Tensor& x,
                                            const Tensor& direction, int order, std::source_location where) {
  constexpr const char* kName = "directional_derivatives";
  if (order < 1) throw Error(std::string(kName) + ": order " + std::to_string(order) + " must be at least 1");
  const Shape leading = check_directions(kName, std::span(&x, 1), std::span(&direction, 1));
  // One direction without leading axes: nested derivatives along the same variable find each other's nodes,
  // and the leading axes are put in afterwards, where they reach the tangents alone.
  const std::vector<Tensor> variables = variables_like(std::vector{x, x}, where);
  std::vector<Tensor> derivatives{v(variables[0])};
  const Tensor y = derivatives[0];
  if (!is_floating(y.dtype()))
    throw Error(std::string(kName) + ": the result " + to_string(y.shape()) + " " +
                std::string(name_of(y.dtype())) + " carries no derivative");
  for (int n = 1; n <= order; ++n)
    derivatives.push_back(jvp(derivatives.back(), variables[0], variables[1]).value_or(zeros_like(y)));
  const Tensor full = broadcast_to(direction, concatenate(leading, x.shape()));
  std::vector<Tensor> results = substitute(derivatives, variables, std::vector{x, full});
  for (int n = 1; n <= order; ++n) {
    Tensor& result = results[n];
    result = broadcast_to(result, concatenate(leading, y.shape()));
  }
  return results;
}

}  // namespace nabla
