#pragma once

#include <functional>
#include <optional>

#include "engine/tensor/axes.h"
#include "engine/tensor/tensor.h"

// Named compositions of primitives. Their derivatives follow from their parts.

namespace nabla {

/// Arithmetic mean over the axes (all if none are named); floating types. The sum over the number of
/// elements: infinite where the sum is out of range of the type, even if the mean is not; divide x before
/// where that matters.
Tensor mean(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
/// Mean squared deviation from the mean (divisor n).
Tensor var(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
/// Root of var; its derivative where all elements are equal is 0.
Tensor standard_deviation(const Operand& x, const Axes& axes = {}, bool keep_axes = false);
/// Euclidean norm over the axes, wherever it is representable; its derivative at 0 is 0.
Tensor norm(const Operand& x, const Axes& axes = {}, bool keep_axes = false);

/// f(x) where condition (bool) holds, elsewhere fallback; right in both modes and to every order, whatever f
/// makes of the x that are left out: there f, which treats elements independently, gets `safe` in their
/// place, where it and its derivatives must be finite.
///     where_safe(x > 0, [](const Tensor& at) { return sqrt(at); }, x, 0)
Tensor where_safe(const Tensor& condition, const std::function<Tensor(const Tensor&)>& f, const Operand& x,
                  const Operand& fallback, double safe = 1);

/// max(x, 0), NaN where x is: the derivative at 0 is 0.
Tensor relu(const Operand& x);
/// log(1 + exp(x)) without overflow.
Tensor softplus(const Operand& x);
/// log(sigmoid(x)) without loss where sigmoid(x) is 0 or 1.
Tensor log_sigmoid(const Operand& x);
/// min(max(x, low), high).
Tensor clamp(const Operand& x, double low, double high);

/// The q-quantile along one axis, dropped, between neighbours by linear interpolation; q in [0, 1]. NaN where
/// one of the elements is. The derivative goes to the two neighbours.
/// @throws Error also for another q, an axis without elements, and a type that is not floating.
Tensor quantile(const Operand& x, double q, int axis = -1);
/// The 1/2-quantile: of an even number of elements the mean of the middle two.
Tensor median(const Operand& x, int axis = -1);

struct CrossEntropyOptions {
  /// Rows of this class have the loss 0 and no derivative; it need not be a class.
  std::optional<std::int64_t> ignore_index = std::nullopt;
  /// Share of the target, in [0, 1], that is spread evenly over all classes.
  double label_smoothing = 0;
  /// [c], a factor for what each class contributes, of the type of the logits.
  std::optional<Tensor> weights = std::nullopt;
};
/// -log softmax(logits)[class] along the innermost axis: logits [.., c], classes [..] integer -> [..]. With
/// smoothing e and weights w it is (1 - e) w[class] l[class] + e / c sum_k w[k] l[k], l = -log
/// softmax(logits). A logit of -inf leaves its class out; NaN where one is +inf or all are -inf.
/// @throws Error unless the classes are integers of just that shape and the options fit; evaluation throws
/// for a class outside [0, c).
Tensor cross_entropy(const Operand& logits, const Tensor& classes, const CrossEntropyOptions& options = {});

}  // namespace nabla
