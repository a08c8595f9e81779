#pragma once

#include <functional>
#include <source_location>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

using ScalarFunction = std::function<Tensor(const Tensor&)>;

/// Gradient of a function with a single-element result; the same shape as x.
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
/// Value and gradients of f, whose first result has one element; the rest of its results are passed through.
ValueAndGrad value_and_grad(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
                            const std::vector<Tensor>& xs,
                            std::source_location where = std::source_location::current());
/// Gradients of a single-element tensor that is already built, by tensors that it was built from: leaves
/// (tensor(..), cells) or what was made of them.
/// @throws Error if one of them is a constant such as zeros(..), which every equal constant is too.
std::vector<Tensor> gradients(const Tensor& value, const std::vector<Tensor>& xs);

/// Hessian-vector product of a single-element function, as the forward derivative of its gradient. v: [*L,
/// *shape].
Tensor hvp(const ScalarFunction& f, const Tensor& x, const Tensor& v,
           std::source_location where = std::source_location::current());

}  // namespace nabla
