#pragma once

#include <functional>
#include <source_location>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla {

/// The value of v at x and its derivatives along a direction d: result[n] is the n-th derivative of
/// h -> v(x + h d) at h = 0, that is d^n v[d, .., d], for n = 0 .. order: v(x), J d, d^2 v[d, d],
/// d^3 v[d, d, d]. d is [*L, *shape of x] behind any leading axes; result[0] is [*R], the others [*L, *R].
/// Extents of 1 in d repeat, such as a direction that all samples share.
///
/// Each order takes one more pass of tangents, not twice as many: the derivative of order n is built on the
/// nodes of the orders below it. Differentiable, and runs inside compile.
/// @throws Error if order < 1, or x, d and v's result are not floating and of fitting shapes.
std::vector<Tensor> directional_derivatives(const std::function<Tensor(const Tensor&)>& v, const Tensor& x,
                                            const Tensor& direction, int order,
                                            std::source_location where = std::source_location::current());

}  // namespace nabla
