#include "engine/ops/composed.h"

#include <limits>

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

Tensor relu(const Operand& x) {
  const SourceScope scope(x.where());
  return select(greater(x, 0), x, 0.0);
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

Tensor cross_entropy(const Operand& logits, const Tensor& classes) {
  const SourceScope scope(logits.where());
  const Tensor& x = logits.tensor();
  if (x.rank() < 1 || classes.rank() + 1 != x.rank())
    throw Error("cross_entropy: logits " + to_string(x.shape()) + " need classes of one axis less, got " +
                to_string(classes.shape()));
  // log(1 + sum over the other classes of exp(x_j - x_class)): nothing large is subtracted from its like, so
  // that neither the size of the logits nor a loss close to 0 costs digits.
  const Tensor chosen = insert_axes(cast(classes, DType::i64), {-1});
  const Tensor z = x - stop_gradient(reduce_max(x, {-1}, /*keep_axes=*/true));
  const double masked = -std::numeric_limits<double>::infinity();
  const Tensor others = logsumexp(select(equal(iota(x.shape()[-1]), chosen), masked, z), {-1});
  return softplus(others - drop_axes(gather(z, chosen, -1), {-1}));
}

}  // namespace nabla
