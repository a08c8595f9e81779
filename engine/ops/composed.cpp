#include "engine/ops/composed.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "engine/graph/node.h"
#include "engine/graph/primitive.h"
#include "engine/ops/constant.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/tensor/number_text.h"

namespace nabla {

Tensor mean(const Operand& x, const Axes& axes, bool keep_axes) {
  const SourceScope scope(x.where());
  if (!is_floating(x.tensor().dtype()))
    throw Error("mean: " + to_string(x.tensor().shape()) + " " + std::string(name_of(x.tensor().dtype())) +
                " needs a floating type; cast first");
  const Tensor total = sum(x, axes, keep_axes);
  const double count =
      static_cast<double>(x.tensor().size()) / static_cast<double>(std::max<std::int64_t>(1, total.size()));
  return total * (1 / count);
}

Tensor var(const Operand& x, const Axes& axes, bool keep_axes) {
  const SourceScope scope(x.where());
  return mean(square(x.tensor() - mean(x, axes, /*keep_axes=*/true)), axes, keep_axes);
}

Tensor standard_deviation(const Operand& x, const Axes& axes, bool keep_axes) {
  const SourceScope scope(x.where());
  const Tensor deviation = x.tensor() - mean(x, axes, /*keep_axes=*/true);
  const Tensor length = norm(deviation, axes, keep_axes);
  const double count =
      static_cast<double>(x.tensor().size()) / static_cast<double>(std::max<std::int64_t>(1, length.size()));
  return length / std::sqrt(count);
}

Tensor norm(const Operand& x, const Axes& axes, bool keep_axes) {
  const SourceScope scope(x.where());
  if (x.tensor().size() == 0) return sum(abs(x), axes, keep_axes);
  // The largest element is taken out before squares over- or underflow. It counts as a constant, since the
  // norm is the same for every scale. An infinite one stays in.
  const Axes over = axes.empty() ? Axes::innermost(x.tensor().rank()) : axes;
  const Tensor largest = stop_gradient(reduce_max(abs(x), over, /*keep_axes=*/true));
  const Tensor is_zero = equal(largest, 0);
  const Tensor is_infinite = equal(largest, std::numeric_limits<double>::infinity());
  const Tensor scale = select(is_zero, 1.0, select(is_infinite, 1.0, largest));
  const Tensor squared = sum(square(x.tensor() / scale), over, /*keep_axes=*/true);
  const Tensor length = select(is_zero, 0.0, sqrt(select(is_zero, 1.0, squared)) * scale);
  return keep_axes ? length : drop_axes(length, over);
}

Tensor where_safe(const Tensor& condition, const std::function<Tensor(const Tensor&)>& f, const Operand& x,
                  const Operand& fallback, double safe) {
  const SourceScope scope(x.where());
  return select(condition, f(select(condition, x, safe)), fallback);
}

Tensor relu(const Operand& x) {
  const SourceScope scope(x.where());
  return select(less_equal(x, 0), 0.0, x);
}

Tensor softplus(const Operand& x) { return logaddexp(x, 0); }

Tensor log_sigmoid(const Operand& x) {
  const SourceScope scope(x.where());
  return -softplus(-x.tensor());
}

Tensor clamp(const Operand& x, double low, double high) {
  const SourceScope scope(x.where());
  if (!(low <= high))
    throw Error("clamp: low " + number_text(low) + " is not below high " + number_text(high));
  return min(max(x, low), high);
}

Tensor quantile(const Operand& x, double q, int axis) {
  const SourceScope scope(x.where());
  const Shape& shape = x.tensor().shape();
  axis = axis_from_right("quantile", shape, axis);
  const std::int64_t last = shape[axis] - 1;
  if (!is_floating(x.tensor().dtype()) || !(q >= 0 && q <= 1) || last < 0)
    throw Error("quantile: " + number_text(q) + " along axis " + std::to_string(axis) + " of " +
                to_string(shape) + " " + std::string(name_of(x.tensor().dtype())) +
                "; needs a floating type, elements, and a number from 0 to 1");
  const double place = q * static_cast<double>(last);
  const std::int64_t below = std::min(static_cast<std::int64_t>(place), last);
  const double share = place - static_cast<double>(below);
  const Tensor sorted = sort(x, axis);
  const auto element = [&](std::int64_t i) { return drop_axes(slice(sorted, axis, i, i + 1), {axis}); };
  const Tensor low = element(below);
  const Tensor between = share == 0 ? low : low * (1 - share) + element(below + 1) * share;
  const Tensor largest = element(last);  // NaN stands behind all numbers
  return select(equal(largest, largest), between, largest);
}

Tensor median(const Operand& x, int axis) { return quantile(x, 0.5, axis); }

Tensor cross_entropy(const Operand& logits, const Tensor& classes, const CrossEntropyOptions& options) {
  const SourceScope scope(logits.where());
  Tensor x = logits.tensor();
  if (x.rank() < 1 || !(classes.shape() == x.shape().first(x.rank() - 1)) || !is_integer(classes.dtype()))
    throw Error("cross_entropy: logits " + to_string(x.shape()) +
                " need integer classes of one axis less, got " + to_string(classes.shape()) + " " +
                std::string(name_of(classes.dtype())));
  const std::int64_t count = x.shape()[-1];
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0 && smoothing <= 1))
    throw Error("cross_entropy: label_smoothing " + number_text(smoothing) + " must be in [0, 1]");
  if (options.weights &&
      (!(options.weights->shape() == Shape{count}) || options.weights->dtype() != x.dtype()))
    throw Error("cross_entropy: weights " + to_string(options.weights->shape()) + " " +
                std::string(name_of(options.weights->dtype())) + " beside logits " + to_string(x.shape()) +
                " " + std::string(name_of(x.dtype())) + "; there must be one for each class, of their type");
  Tensor index = cast(classes, DType::i64);
  const std::optional<Tensor> ignored =
      options.ignore_index ? std::optional(equal(index, *options.ignore_index)) : std::nullopt;
  if (ignored) {
    index = select(*ignored, 0, index);
    x = select(insert_axes(*ignored, {-1}), 0.0, x);  // infinite logits would make NaN of a zero cotangent
  }
  // log(1 + sum over the other classes of exp(x_j - x_class)): nothing large is subtracted from its like, so
  // that neither the size of the logits nor a loss close to 0 costs digits.
  const Tensor chosen = insert_axes(index, {-1});
  const Tensor z = x - stop_gradient(reduce_max(x, {-1}, /*keep_axes=*/true));
  const double masked = -std::numeric_limits<double>::infinity();
  const Tensor others = logsumexp(select(equal(iota(count), chosen), masked, z), {-1});
  Tensor loss = softplus(others - drop_axes(gather(z, chosen, -1), {-1}));
  if (options.weights)
    loss = loss * reshape(take(*options.weights, reshape(index, Shape{index.size()})), index.shape());
  if (smoothing > 0) {
    const Tensor each = logsumexp(z, {-1}, /*keep_axes=*/true) - z;
    const Tensor spread = sum(options.weights ? each * *options.weights : each, {-1});
    loss = loss * (1 - smoothing) + spread * (smoothing / static_cast<double>(count));
  }
  return ignored ? select(*ignored, 0.0, loss) : loss;
}

}  // namespace nabla
