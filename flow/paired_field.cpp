#include "flow/paired_field.h"

#include <string>
#include <utility>

#include "engine/graph/evaluation.h"
#include "engine/ops/composed.h"
#include "engine/ops/contraction.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"
#include "flow/field.h"
#include "flow/weighted_points.h"

namespace nabla::flow {

PairedField::PairedField(const Tensor& x0, const Tensor& x1, double blur, AffinePath path)
    : path_(std::move(path)), blur_(blur) {
  if (x1.rank() != 2 || x1.size() == 0 || !(x0.shape() == x1.shape()) || !is_floating(x1.dtype()) ||
      x0.dtype() != x1.dtype())
    throw Error("paired_field: noise " + to_string(x0.shape()) + " " + std::string(name_of(x0.dtype())) +
                " and data " + to_string(x1.shape()) + " " + std::string(name_of(x1.dtype())) +
                " must be [n, D], of one floating type and not empty");
  if (!(blur > 0)) throw Error("paired_field: the blur " + number_text(blur) + " must be positive");
  Evaluation evaluation("PairedField");
  centre0_ = evaluation.leaf(mean(evaluation.reads(x0), {0}, /*keep_axes=*/true));
  centre1_ = evaluation.leaf(mean(evaluation.reads(x1), {0}, /*keep_axes=*/true));
  x0_ = evaluation.leaf(x0 - centre0_);
  x1_ = evaluation.leaf(x1 - centre1_);
}

Tensor PairedField::weights(const Tensor& x, const Tensor& t) const {
  if (x.rank() != 2 || x.shape()[1] != x1_.shape()[1])
    throw Error("paired_field: x " + to_string(x.shape()) + " must be [B, " + std::to_string(x1_.shape()[1]) +
                "]");
  const Tensor time = time_factor("paired_field", t, x);
  const Tensor a = path_.a(time), s = path_.s(time);
  // Numbers of every sample, also where all share a time: then nothing of [B, n, D] is kept.
  const auto beside = [&](const Tensor& of) {
    return insert_axes(broadcast_to(of, Shape{x.shape()[0], of.shape()[1]}), {-2});
  };
  // The pair whose place c = a x1 + s x0 is nearest.
  const Tensor z = x - a * centre1_ - s * centre0_;
  const Tensor nearest = argmax(-sum(square(beside(a) * x1_ + beside(s) * x0_ - beside(z)), {-1}));
  const Tensor near1 = take(x1_, nearest), near0 = take(x0_, nearest);
  // -|z - c_i|^2 / 2 less the part that all i share, relative to that pair.
  const Tensor y = z - (a * near1 + s * near0);
  const Tensor products = a * matmul(y, transpose(x1_)) + s * matmul(y, transpose(x0_));
  const Tensor apart =
      sum(square(beside(a) * (x1_ - insert_axes(near1, {-2})) + beside(s) * (x0_ - insert_axes(near0, {-2}))),
          {-1});
  return softmax((products - apart * 0.5) / (square(s) * (blur_ * blur_)));
}

Tensor PairedField::posterior_mean(const Tensor& x, const Tensor& t) const {
  return matmul(weights(x, t), x1_) + centre1_;
}

Tensor PairedField::velocity(const Tensor& x, const Tensor& t) const {
  return velocity_from_mean(path_, posterior_mean(x, t), x, t);
}

Tensor PairedField::posterior_covariance(const Tensor& x, const Tensor& t) const {
  return weighted_covariance(weights(x, t), x1_);
}

}  // namespace nabla::flow
