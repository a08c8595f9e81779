#include "flow/gaussian.h"

#include <utility>

#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "flow/field.h"
#include "flow/require_nonnegative.h"

namespace nabla::flow {

GaussianField::GaussianField(const Tensor& mean, const Tensor& variances, const std::optional<Tensor>& basis,
                             AffinePath path)
    : path_(std::move(path)), basis_(basis) {
  const bool fits = mean.rank() == 1 && mean.shape() == variances.shape();
  if (!fits || (basis && !(basis->shape() == Shape{mean.size(), mean.size()})))
    throw Error("gaussian_field: mean " + to_string(mean.shape()) + ", variances " +
                to_string(variances.shape()) + (basis ? " and basis " + to_string(basis->shape()) : "") +
                " must be [D], [D] and [D, D]");
  require_nonnegative("gaussian_field", "variance", variances);
  mean_ = insert_axes(mean, {-2});
  variances_ = insert_axes(variances, {-2});
}

Tensor GaussianField::spread(const Tensor& t) const {
  return square(path_.s(t)) + square(path_.a(t)) * variances_;
}

Tensor GaussianField::scale(const Tensor& x, const Tensor& t, const Tensor& factor) const {
  const Tensor y = x - path_.a(t) * mean_;
  return basis_ ? matmul(matmul(y, *basis_) * factor, transpose(*basis_)) : y * factor;
}

Tensor GaussianField::velocity(const Tensor& x, const Tensor& t) const {
  const Tensor time = time_factor("gaussian_field", t, x);
  const Tensor rate =
      (path_.s(time) * path_.s_rate(time) + path_.a(time) * path_.a_rate(time) * variances_) / spread(time);
  return path_.a_rate(time) * mean_ + scale(x, time, rate);
}

Tensor GaussianField::posterior_mean(const Tensor& x, const Tensor& t) const {
  const Tensor time = time_factor("gaussian_field", t, x);
  return mean_ + scale(x, time, path_.a(time) * variances_ / spread(time));
}

Tensor GaussianField::posterior_covariance(const Tensor& t) const {
  const Tensor along = variances_ * square(path_.s(t)) / spread(t);
  const Tensor basis = basis_ ? *basis_ : identity(mean_.size(), mean_.dtype());
  return matmul(basis * insert_axes(along, {-2}), transpose(basis));
}

Tensor GaussianField::flow_map(const Tensor& x, const Tensor& t, const Tensor& r) const {
  const Tensor from = time_factor("gaussian_field", t, x);
  const Tensor to = time_factor("gaussian_field", r, x);
  return path_.a(to) * mean_ + scale(x, from, sqrt(spread(to) / spread(from)));
}

Tensor GaussianField::average_velocity(const Tensor& x, const Tensor& t, const Tensor& r) const {
  return (flow_map(x, t, r) - x) / time_factor("gaussian_field", r - t, x);
}

}  // namespace nabla::flow
