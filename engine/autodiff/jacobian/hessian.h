#pragma once

#include <source_location>
#include <vector>

#include "engine/autodiff/grad.h"
#include "engine/autodiff/jacobian/jacobian.h"

namespace nabla {

/// Builds all second derivatives of a single-element function at x, as the Jacobian of its gradient:
/// [*shape of x, *shape of x]. Products with it alone take far less: hvp.
/// @throws Error if f(x) has more than one element or is not floating, and as jacobian does.
Tensor hessian(const ScalarFunction& f, const Tensor& x, const JacobianOptions& options = {},
               std::source_location where = std::source_location::current());
/// The same by each two of several arguments in a list: block [i][j] is [*shape of xs[i], *shape of xs[j]].
std::vector<std::vector<Tensor>> hessian(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                                         const std::vector<Tensor>& xs, const JacobianOptions& options = {},
                                         std::source_location where = std::source_location::current());
/// The same for a function of several tensors: hessian([](const Tensor& w, const Tensor& b) {..}, {w, b}).
template <std::size_t N, OfSeveral<N> F>
std::vector<std::vector<Tensor>> hessian(F&& f, const Tensor (&xs)[N], const JacobianOptions& options = {},
                                         std::source_location where = std::source_location::current()) {
  if constexpr (TakesTensors<F, N>)
    static_assert(ReturnsTensor<F, N>, "hessian: the function returns one Tensor");
  const ListFunction listed = list_function<N>(f);
  return hessian([&](const std::vector<Tensor>& at) { return listed(at)[0]; }, std::vector(xs, xs + N),
                 options, where);
}

}  // namespace nabla
