#include "flow/gaussian_mixture.h"

#include <utility>

#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/matrices.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "flow/field.h"
#include "flow/require_nonnegative.h"

namespace nabla::flow {

GaussianMixtureField::GaussianMixtureField(const Tensor& weights, const Tensor& means,
                                           const Tensor& variances, AffinePath path)
    : path_(std::move(path)) {
  if (weights.rank() != 1 || means.rank() != 2 || !(means.shape() == variances.shape()) ||
      means.shape()[0] != weights.size())
    throw Error("gaussian_mixture_field: weights " + to_string(weights.shape()) + ", means " +
                to_string(means.shape()) + " and variances " + to_string(variances.shape()) +
                " must be [C], [C, D] and [C, D]");
  require_nonnegative("gaussian_mixture_field", "weight", weights);
  require_nonnegative("gaussian_mixture_field", "variance", variances);
  log_weights_ = insert_axes(log(weights), {-2});
  means_ = insert_axes(means, {-3});
  variances_ = insert_axes(variances, {-3});
}

GaussianMixtureField::AtTime GaussianMixtureField::at(const Tensor& x, const Tensor& t) const {
  const Tensor time = insert_axes(time_factor("gaussian_mixture_field", t, x), {-1});
  const Tensor a = path_.a(time);
  const Tensor noise = square(path_.s(time));
  return {a, noise + square(a) * variances_, noise};
}

Tensor GaussianMixtureField::responsibilities(const AtTime& at, const Tensor& x) const {
  const Tensor distance = square(insert_axes(x, {-2}) - at.a * means_) / at.spread + log(at.spread);
  return softmax(log_weights_ - sum(distance, {-1}) * 0.5);
}

// E[x1 | x_t = x, component]: [B, C, D].
Tensor GaussianMixtureField::component_means(const AtTime& at, const Tensor& x) const {
  return means_ + (insert_axes(x, {-2}) - at.a * means_) * (at.a * variances_ / at.spread);
}

Tensor GaussianMixtureField::responsibilities(const Tensor& x, const Tensor& t) const {
  return responsibilities(at(x, t), x);
}

Tensor GaussianMixtureField::posterior_mean(const Tensor& x, const Tensor& t) const {
  const AtTime now = at(x, t);
  return sum(insert_axes(responsibilities(now, x), {-1}) * component_means(now, x), {-2});
}

Tensor GaussianMixtureField::posterior_covariance(const Tensor& x, const Tensor& t) const {
  const AtTime now = at(x, t);
  const Tensor r = insert_axes(responsibilities(now, x), {-1});
  const Tensor means = component_means(now, x);
  const Tensor d = means - sum(r * means, {-2}, /*keep_axes=*/true);
  // Within components, and between them.
  const Tensor within = sum(r * (variances_ * now.noise / now.spread), {-2});
  return diagonal_matrix(within) + matmul(transpose(r * d), d);
}

Tensor GaussianMixtureField::velocity(const Tensor& x, const Tensor& t) const {
  return velocity_from_mean(path_, posterior_mean(x, t), x, t);
}

}  // namespace nabla::flow
