#include "flow/preconditioned_field.h"

#include <utility>

#include "engine/graph/evaluation.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "flow/field.h"
#include "flow/require_nonnegative.h"

namespace nabla::flow {

PreconditionedField::PreconditionedField(const Tensor& mean, const Tensor& variance, Network network)
    : network_(std::move(network)) {
  if (mean.rank() != 1 || !(mean.shape() == variance.shape()))
    throw Error("preconditioned_field: mean " + to_string(mean.shape()) + " and variance " +
                to_string(variance.shape()) + " must both be [D]");
  Evaluation evaluation("PreconditionedField");
  mean_ = evaluation.leaf(insert_axes(mean, {-2}));
  variance_ = evaluation.leaf(insert_axes(variance, {-2}));
  require_nonnegative("preconditioned_field", "variance", variance_);
  if (const Tensor zero = equal(variance_, 0); reduce_max(cast(zero, DType::i32)).item() > 0)
    fixed_ = evaluation.leaf(zero);
}

// Where the variance is 0 the root of a square would have no derivative at t = 1.
Tensor PreconditionedField::root(const Tensor& t) const {
  const Tensor spread = square(1 - t) + square(t) * variance_;
  return fixed_ ? select(*fixed_, 1 - t, sqrt(select(*fixed_, 1, spread))) : sqrt(spread);
}

Tensor PreconditionedField::field(const Tensor& x, const Tensor& from, const Tensor& to) const {
  const Tensor y = x - from * mean_;
  const Tensor here = root(from), there = same(from, to) ? here : root(to);
  const Tensor numerator = (to + from) * (variance_ + 1) - 2;
  Tensor inverse_root, slope;  // slope = k(t, r) sqrt(D_t), which is -1 where the variance is 0
  if (fixed_) {
    const Tensor none = equal(here, 0);
    inverse_root = select(none, 0, reciprocal(select(none, 1, here)));
    slope = select(*fixed_, -1, numerator / select(*fixed_, 1, here + there));
  } else {
    inverse_root = reciprocal(here);
    slope = numerator / (here + there);
  }
  const Tensor gap = same(from, to) ? zeros_like(from) : to - from;
  const Tensor output = network_(y * inverse_root, from, gap);
  return mean_ + slope * inverse_root * y + sqrt(variance_) * inverse_root * output;
}

Tensor PreconditionedField::velocity(const Tensor& x, const Tensor& t) const {
  const Tensor time = time_factor("preconditioned_field", t, x);
  return field(x, time, time);
}

Tensor PreconditionedField::average_velocity(const Tensor& x, const Tensor& t, const Tensor& r) const {
  return field(x, time_factor("preconditioned_field", t, x), time_factor("preconditioned_field", r, x));
}

}  // namespace nabla::flow
