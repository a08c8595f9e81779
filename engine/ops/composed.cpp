#include "engine/ops/composed.h"

#include <numbers>

#include "engine/graph/node.h"
#include "engine/ops/constant.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
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

Tensor norm(const Operand& x, const Axes& axes, bool keep_axes) {
  const SourceScope scope(x.where());
  const Tensor squared = sum(square(x), axes, keep_axes);
  const Tensor zero = equal(squared, 0);
  return select(zero, 0.0, sqrt(select(zero, 1.0, squared)));
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

Tensor silu(const Operand& x) {
  const SourceScope scope(x.where());
  return x.tensor() * sigmoid(x);
}

Tensor gelu(const Operand& x) {
  const SourceScope scope(x.where());
  return x.tensor() * (erf(x.tensor() * (1 / std::numbers::sqrt2)) + 1) * 0.5;
}

Tensor softplus(const Operand& x) {
  const SourceScope scope(x.where());
  // On either side of 0 this is the smooth function itself, so that derivatives of every order are right at 0
  // too.
  const Tensor positive = greater(x, 0);
  return select(positive, x, 0.0) + log1p(exp(select(positive, -x.tensor(), x)));
}

Tensor clamp(const Operand& x, double low, double high) {
  const SourceScope scope(x.where());
  if (!(low <= high))
    throw Error("clamp: low " + number_text(low) + " is not below high " + number_text(high));
  return min(max(x, low), high);
}

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
  const Tensor total = logsumexp(x, {-1});
  Tensor loss = total - drop_axes(gather(x, insert_axes(index, {-1}), -1), {-1});
  if (options.weights)
    loss = loss * reshape(take(*options.weights, reshape(index, Shape{index.size()})), index.shape());
  if (smoothing > 0) {
    const Tensor each = insert_axes(total, {-1}) - x;
    const Tensor spread = sum(options.weights ? each * *options.weights : each, {-1});
    loss = loss * (1 - smoothing) + spread * (smoothing / static_cast<double>(count));
  }
  return ignored ? select(*ignored, 0.0, loss) : loss;
}

}  // namespace nabla
