#include "engine/autodiff/grad.h"

#include "engine/autodiff/alignment.h"
#include "engine/autodiff/jvp.h"
#include "engine/autodiff/vjp.h"
#include "engine/ops/substitute.h"

namespace nabla {

std::vector<Tensor> gradients(const Tensor& value, const std::vector<Tensor>& xs) {
  if (value.size() != 1)
    throw Error("grad: the function's result " + to_string(value.shape()) +
                " has more than one element; reduce it, or use vjp or jacobian");
  const Tensor one = ones_like(value);
  const std::vector<std::optional<Tensor>> cotangents = vjp(std::span(&value, 1), xs, std::span(&one, 1));
  std::vector<Tensor> grads;
  for (std::size_t i = 0; i < xs.size(); ++i)
    grads.push_back(cotangents[i] ? *cotangents[i] : zeros_like(xs[i]));
  return grads;
}

ValueAndGrad value_and_grad(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
                            const std::vector<Tensor>& xs, std::source_location where) {
  const std::vector<Tensor> variables = variables_like(xs, where);
  std::vector<Tensor> outputs = f(variables);
  if (outputs.empty()) throw Error("value_and_grad: the function returned nothing");
  const std::vector<Tensor> grads = gradients(outputs[0], variables);
  const auto grads_start = static_cast<std::ptrdiff_t>(outputs.size());
  outputs.insert(outputs.end(), grads.begin(), grads.end());
  const std::vector<Tensor> put_back = substitute(outputs, variables, xs);
  return {put_back[0],
          {put_back.begin() + grads_start, put_back.end()},
          {put_back.begin() + 1, put_back.begin() + grads_start}};
}

Tensor grad(const ScalarFunction& f, const Tensor& x, std::source_location where) {
  return value_and_grad([&](const std::vector<Tensor>& v) { return std::vector{f(v[0])}; }, {x}, where)
      .grads[0];
}

ScalarFunction grad(const ScalarFunction& f, std::source_location where) {
  return [f, where](const Tensor& x) { return grad(f, x, where); };
}

Tensor hvp(const ScalarFunction& f, const Tensor& x, const Tensor& v, std::source_location where) {
  return jvp(grad(f, where), x, v, where).tangent;
}

}  // namespace nabla
