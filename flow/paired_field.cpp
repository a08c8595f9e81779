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
#include "engine/tensor/type_text.h"
#include "flow/field.h"
#include "flow/weighted_points.h"

namespace nabla::flow {

PairedField::PairedField(const Tensor& x0, const Tensor& x1, double blur, AffinePath path)
    : path_(std::move(path)), blur_(blur) {
  if (x1.rank() != 2 || x1.size() == 0 || !(x0.shape() == x1.shape()) || !is_floating(x1.dtype()) ||
      x0.dtype() != x1.dtype())
    throw Error("paired_field: noise " + type_text(x0) + " and data " + type_text(x1) +
                " must be [n, D], of one floating type and not empty");
  if (!(blur > 0)) throw Error("paired_field: the blur " + number_text(blur) + " must be positive");
  Evaluation evaluation("PairedField");
  const auto centre_of = [&](const Tensor& of) {
    return evaluation.leaf(mean(cast(evaluation.reads(of), DType::f64), {0}, /*keep_axes=*/true));
  };
  centre0_ = centre_of(x0);
  centre1_ = centre_of(x1);
  x0_ = evaluation.leaf(cast(x0, DType::f64) - centre0_);
  x1_ = evaluation.leaf(cast(x1, DType::f64) - centre1_);
  dtype_ = x1.dtype();
  if (dtype_ != DType::f32) return;
  const auto half_products = [&](const Tensor& a, const Tensor& b) {
    return evaluation.leaf(transpose(sum(a * b, {-1}, /*keep_axes=*/true) * 0.5));
  };
  half00_ = half_products(x0_, x0_);
  half11_ = half_products(x1_, x1_);
  half01_ = half_products(x0_, x1_);
}

Tensor PairedField::wide_weights(const Tensor& x, const Tensor& t) const {
  if (x.rank() != 2 || x.shape()[1] != x1_.shape()[1] || x.dtype() != dtype_)
    throw Error("paired_field: x " + type_text(x) + " must be [B, " + std::to_string(x1_.shape()[1]) + "] " +
                std::string(name_of(dtype_)));
  const Tensor time = cast(time_factor("paired_field", t, x), DType::f64);
  const Tensor a = path_.a(time), s = path_.s(time), variance = square(s) * (blur_ * blur_);
  // -|z - c_i|^2 / 2 less the part that all i share, c = a x1 + s x0.
  const Tensor z = cast(x, DType::f64) - a * centre1_ - s * centre0_;
  const auto products_with = [&](const Tensor& at) {
    return a * matmul(at, transpose(x1_)) + s * matmul(at, transpose(x0_));
  };
  if (dtype_ == DType::f32) {
    const Tensor lengths = square(a) * half11_ + 2 * a * s * half01_ + square(s) * half00_;
    return softmax((products_with(z) - lengths) / variance);
  }
  // Numbers of every sample, also where all share a time: then nothing of [B, n, D] is kept.
  const auto beside = [&](const Tensor& of) {
    return insert_axes(broadcast_to(of, Shape{x.shape()[0], of.shape()[1]}), {-2});
  };
  // The same by differences from the pair whose place is nearest.
  const Tensor nearest = argmax(-sum(square(beside(a) * x1_ + beside(s) * x0_ - beside(z)), {-1}));
  const Tensor near1 = take(x1_, nearest), near0 = take(x0_, nearest);
  const Tensor y = z - (a * near1 + s * near0);
  const Tensor apart =
      sum(square(beside(a) * (x1_ - insert_axes(near1, {-2})) + beside(s) * (x0_ - insert_axes(near0, {-2}))),
          {-1});
  return softmax((products_with(y) - apart * 0.5) / variance);
}

Tensor PairedField::wide_mean(const Tensor& x, const Tensor& t) const {
  return matmul(wide_weights(x, t), x1_) + centre1_;
}

Tensor PairedField::weights(const Tensor& x, const Tensor& t) const {
  return cast(wide_weights(x, t), x.dtype());
}

Tensor PairedField::posterior_mean(const Tensor& x, const Tensor& t) const {
  return cast(wide_mean(x, t), x.dtype());
}

Tensor PairedField::velocity(const Tensor& x, const Tensor& t) const {
  const Tensor at = cast(x, DType::f64), time = cast(time_factor("paired_field", t, x), DType::f64);
  return cast(velocity_from_mean(path_, wide_mean(x, t), at, time), x.dtype());
}

Tensor PairedField::posterior_covariance(const Tensor& x, const Tensor& t) const {
  return cast(weighted_covariance(wide_weights(x, t), x1_), x.dtype());
}

}  // namespace nabla::flow
