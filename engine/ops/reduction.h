#pragma once

#include "engine/tensor/axes.h"
#include "engine/tensor/tensor.h"

// Reductions and scans. Axes from either side; an empty list of axes means all of them. With keep_axes the
// reduced axes stay with extent 1. @throws Error for axes that do not exist, and where an extreme of nothing
// is asked for.

namespace nabla {

/// Sum over the axes, numeric types; integers are summed in i64, which the result has, f32 is carried in f64.
/// On the CPU the order of the additions follows from the number of terms alone: the bits are the same
/// however the terms lie, alone, in a program and compiled.
Tensor sum(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
/// Largest element; ties share the derivative equally.
Tensor reduce_max(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
Tensor reduce_min(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
/// log sum exp without overflow; its derivative is softmax(x). Where all elements are -inf it is -inf with
/// derivative 0, where one is +inf it is +inf and the derivative NaN.
Tensor logsumexp(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
/// exp(x - logsumexp(x)) along one axis. An element of -inf gets weight 0; a row of nothing
/// else is NaN, and so is one with +inf.
Tensor softmax(const Operand& x, int axis = -1);
/// Running sum along one axis, from the end if `reverse`; of integers in i64.
Tensor cumsum(const Operand& x, int axis, bool reverse = false);

}  // namespace nabla
