#pragma once

#include "engine/tensor/axes.h"
#include "engine/tensor/tensor.h"

// Named compositions of primitives. Their derivatives follow from their parts.

namespace nabla {

/// Arithmetic mean over the axes (all if none are named); floating types.
Tensor mean(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
/// Mean squared deviation from the mean (divisor n).
Tensor var(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
/// Euclidean norm over the axes, wherever it is representable; its derivative at 0 is 0.
Tensor norm(const Operand& x, const Axes& axes = {}, bool keep_axes = false);

/// max(x, 0) as select(x > 0, x, 0): the derivative at 0 is 0.
Tensor relu(const Operand& x);
/// log(1 + exp(x)) without overflow.
Tensor softplus(const Operand& x);
/// log(sigmoid(x)) without loss where sigmoid(x) is 0 or 1.
Tensor log_sigmoid(const Operand& x);
/// min(max(x, low), high).
Tensor clamp(const Operand& x, double low, double high);

/// -log softmax(logits)[class] along the innermost axis: logits [.., c], classes [..] integer -> [..]. A
/// logit of -inf leaves its class out; NaN where one is +inf or all are -inf.
Tensor cross_entropy(const Operand& logits, const Tensor& classes);

}  // namespace nabla
