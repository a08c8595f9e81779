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

Tensor relu(const Operand& x) {
  const SourceScope scope(x.where());
  return select(greater(x, 0), x, 0.0);
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

Tensor cross_entropy(const Operand& logits, const Tensor& classes) {
  const SourceScope scope(logits.where());
  const Tensor& x = logits.tensor();
  if (x.rank() < 1 || classes.rank() + 1 != x.rank())
    throw Error("cross_entropy: logits " + to_string(x.shape()) + " need classes of one axis less, got " +
                to_string(classes.shape()));
  const Tensor picked = drop_axes(gather(x, insert_axes(cast(classes, DType::i64), {-1}), -1), {-1});
  return logsumexp(x, {-1}) - picked;
}

}  // namespace nabla
