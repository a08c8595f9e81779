#include "flow/preconditioned_field.h"

#include <utility>

#include "engine/graph/evaluation.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "flow/field.h"

namespace nabla::flow {

PreconditionedField::PreconditionedField(const Tensor& mean, const Tensor& variance, Network network)
    : network_(std::move(network)) {
  if (mean.rank() != 1 || !(mean.shape() == variance.shape()))
    throw Error("preconditioned_field: mean " + to_string(mean.shape()) + " and variance " +
                to_string(variance.shape()) + " must both be [D]");
  Evaluation evaluation("PreconditionedField");
  mean_ = evaluation.leaf(insert_axes(mean, {-2}));
  variance_ = evaluation.leaf(insert_axes(variance, {-2}));
}

Tensor PreconditionedField::spread(const Tensor& t) const { return square(1 - t) + square(t) * variance_; }

Tensor PreconditionedField::velocity(const Tensor& x, const Tensor& t) const {
  const Tensor time = time_factor("preconditioned_field", t, x);
  const Tensor y = x - time * mean_;
  const Tensor d = spread(time);
  const Tensor inverse_root = rsqrt(d);
  // k(t, t) = (t (1 + l) - 1) / D_t.
  const Tensor slope = (time * (variance_ + 1) - 1) / d;
  const Tensor output = network_(y * inverse_root, time, zeros_like(time));
  return mean_ + slope * y + sqrt(variance_) * inverse_root * output;
}

Tensor PreconditionedField::average_velocity(const Tensor& x, const Tensor& t, const Tensor& r) const {
  const Tensor from = time_factor("preconditioned_field", t, x);
  const Tensor to = time_factor("preconditioned_field", r, x);
  const Tensor y = x - from * mean_;
  const Tensor d = spread(from);
  const Tensor inverse_root = rsqrt(d);
  const Tensor slope = ((to + from) * (variance_ + 1) - 2) / (d + sqrt(d * spread(to)));
  const Tensor output = network_(y * inverse_root, from, to - from);
  return mean_ + slope * y + sqrt(variance_) * inverse_root * output;
}

}  // namespace nabla::flow
