#include "engine/autodiff/grad.h"

#include "engine/autodiff/at_variables.h"
#include "engine/autodiff/jvp.h"
#include "engine/autodiff/vjp.h"
#include "engine/ops/constant.h"

namespace nabla {

std::vector<Tensor> gradients(const Tensor& value, const std::vector<Tensor>& xs) {
  if (value.size() != 1)
    throw Error("grad: the function's result " + to_string(value.shape()) +
                " has more than one element; reduce it, or use vjp or jacobian");
  const Tensor one = ones_like(value);
  return or_zeros(vjp(std::span(&value, 1), xs, std::span(&one, 1)), {}, xs);
}

ValueAndGrad value_and_grad(const ListFunction& f, const std::vector<Tensor>& xs,
                            std::source_location where) {
  const auto derive = [](const std::vector<Tensor>& outputs, const std::vector<Tensor>& variables) {
    if (outputs.empty()) throw Error("value_and_grad: the function returned nothing");
    return gradients(outputs[0], variables);
  };
  ValuesAndDerivatives built = at_variables(f, xs, where, derive);
  return {built.values[0], std::move(built.derivatives), {built.values.begin() + 1, built.values.end()}};
}

Tensor grad(const ScalarFunction& f, const Tensor& x, std::source_location where) {
  return value_and_grad([&](const std::vector<Tensor>& v) { return std::vector{f(v[0])}; }, {x}, where)
      .grads[0];
}

ScalarFunction grad(const ScalarFunction& f, std::source_location where) {
  return [f, where](const Tensor& x) { return grad(f, x, where); };
}

std::vector<Tensor> hvp(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                        const std::vector<Tensor>& xs, const std::vector<Tensor>& vs,
                        std::source_location where) {
  const auto listed = [&](const std::vector<Tensor>& at) { return std::vector{f(at)}; };
  return jvp([&](const std::vector<Tensor>& at) { return value_and_grad(listed, at, where).grads; }, xs, vs,
             where)
      .tangents;
}

Tensor hvp(const ScalarFunction& f, const Tensor& x, const Tensor& v, std::source_location where) {
  return jvp(grad(f, where), x, v, where).tangent;
}

}  // namespace nabla
