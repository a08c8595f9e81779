#include "engine/autodiff/jacobian/hessian.h"

namespace nabla {

Tensor hessian(const ScalarFunction& f, const Tensor& x, const JacobianOptions& options,
               std::source_location where) {
  return jacobian(grad(f, where), x, options, where);
}

std::vector<std::vector<Tensor>> hessian(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                                         const std::vector<Tensor>& xs, const JacobianOptions& options,
                                         std::source_location where) {
  const auto listed = [&](const std::vector<Tensor>& at) { return std::vector{f(at)}; };
  std::vector<std::vector<Tensor>> blocks;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const auto by_argument = [&](const std::vector<Tensor>& at) {
      return value_and_grad(listed, at, where).grads[i];
    };
    blocks.push_back(jacobian(by_argument, xs, options, where));
  }
  return blocks;
}

}  // namespace nabla
