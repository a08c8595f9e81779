#pragma once

#include <functional>
#include <source_location>
#include <vector>

#include "engine/autodiff/list_function.h"

namespace nabla {

using ScalarFunction = std::function<Tensor(const Tensor&)>;

/// Builds the gradient of a function with a single-element result; the same shape as x.
/// @throws Error if f(x) has more than one element or is not floating.
Tensor grad(const ScalarFunction& f, const Tensor& x,
            std::source_location where = std::source_location::current());
/// The gradient as a function: grad(grad(f)) is a second derivative of a scalar function of a scalar.
ScalarFunction grad(const ScalarFunction& f, std::source_location where = std::source_location::current());

struct ValueAndGrad {
  Tensor value;                   ///< f's first result
  std::vector<Tensor> grads;      ///< one per argument, zeros where f does not depend on it
  std::vector<Tensor> auxiliary;  ///< f's other results, not differentiated
};
/// Builds value and gradients of f, whose first result has one element; the rest of its results are passed
/// through.
ValueAndGrad value_and_grad(const ListFunction& f, const std::vector<Tensor>& xs,
                            std::source_location where = std::source_location::current());
/// The same for a function of several tensors, which returns the value, or a pair of the value and auxiliary
/// results: value_and_grad([](const Tensor& w, const Tensor& b) {..}, {w, b}).
template <std::size_t N, OfAny<N> F>
ValueAndGrad value_and_grad(F&& f, const Tensor (&xs)[N],
                            std::source_location where = std::source_location::current()) {
  return value_and_grad(list_function<N>(f), std::vector(xs, xs + N), where);
}
/// Builds the gradients of a function of several tensors by each of them.
template <std::size_t N, OfSeveral<N> F>
std::vector<Tensor> grad(F&& f, const Tensor (&xs)[N],
                         std::source_location where = std::source_location::current()) {
  if constexpr (TakesTensors<F, N>)
    static_assert(ReturnsTensor<F, N>,
                  "grad: the function returns one Tensor; value_and_grad takes others too");
  return value_and_grad(list_function<N>(f), std::vector(xs, xs + N), where).grads;
}

/// Builds gradients of a single-element tensor that is already built, by tensors that it was built from:
/// leaves (tensor(..), cells) or what was made of them.
/// @throws Error if one of them is a constant such as zeros(..), which every equal constant is too.
std::vector<Tensor> gradients(const Tensor& value, const std::vector<Tensor>& xs);

/// Builds the Hessian-vector product of a single-element function, as the forward derivative of its gradient.
/// v: [*L, *shape].
Tensor hvp(const ScalarFunction& f, const Tensor& x, const Tensor& v,
           std::source_location where = std::source_location::current());
/// The same for several arguments in a list: one product for each, with the whole Hessian.
std::vector<Tensor> hvp(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                        const std::vector<Tensor>& xs, const std::vector<Tensor>& vs,
                        std::source_location where = std::source_location::current());
/// The same for a function of several tensors: hvp([](const Tensor& w, const Tensor& b) {..}, {w, b}, {v,
/// u}).
template <std::size_t N, std::size_t M, OfSeveral<N> F>
std::vector<Tensor> hvp(F&& f, const Tensor (&xs)[N], const Tensor (&vs)[M],
                        std::source_location where = std::source_location::current()) {
  static_assert(N == M, "hvp: one vector for each argument");
  if constexpr (TakesTensors<F, N>)
    static_assert(ReturnsTensor<F, N>, "hvp: the function returns one Tensor");
  const ListFunction listed = list_function<N>(f);
  return hvp([&](const std::vector<Tensor>& at) { return listed(at)[0]; }, std::vector(xs, xs + N),
             std::vector(vs, vs + M), where);
}

}  // namespace nabla
