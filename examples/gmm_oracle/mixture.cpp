#include "examples/gmm_oracle/mixture.h"

#include <numbers>

#include "engine/engine.h"

namespace nabla::gmm_oracle {
namespace {

// Rows of `values` [.., C, D] by component numbers [n, B]: [n, B, D].
Tensor pick(const Tensor& values, const Tensor& which) {
  const Tensor choice = one_hot(which, values.shape()[-2], DType::f64);  // [n, B, C]
  return sum(insert_axes(choice, {-1}) * values, {-2});
}

}  // namespace

Mixture::Mixture(const Tensor& key, std::int64_t components, std::int64_t dimension,
                 const flow::AffinePath& path)
    : path_(path),
      means_((1.2 * normal(split(key, 2)[0], Shape{components, dimension}, DType::f64)).detach()),
      variances_((.03 + .4 * square(uniform(split(key, 2)[1], means_.shape(), DType::f64))).detach()),
      field_(ones(Shape{components}, DType::f64), means_, variances_, path) {}

Tensor Mixture::data(const Tensor& key, std::int64_t count) const {
  const Tensor keys = split(key, 2);
  const Tensor which = integers(keys[0], Shape{count}, 0, means_.shape()[0]);
  return take(means_, which) +
         sqrt(take(variances_, which)) * normal(keys[1], Shape{count, dimension()}, DType::f64);
}

Tensor Mixture::density(const Tensor& x1) const {
  const Tensor distance = sum(
      square(insert_axes(x1, {-2}) - means_) / variances_ + log(variances_ * (2 * std::numbers::pi)), {-1});
  return mean(exp(distance * -.5), {-1});
}

Mixture::Components Mixture::posterior_components(const Tensor& x, const Tensor& t) const {
  const Tensor a = insert_axes(path_.a(t), {-1}), noise = square(insert_axes(path_.s(t), {-1}));
  const Tensor spread = noise + square(a) * variances_;
  return {means_ + (insert_axes(x, {-2}) - a * means_) * (a * variances_ / spread),
          variances_ * noise / spread};
}

Tensor Mixture::third_moment(const Tensor& x, const Tensor& t, const Tensor& e) const {
  // Of a mixture of Gaussians with means m_c and covariances S_c: sum_c r_c (d_c^3 + 3 d_c e . S_c e) with
  // d_c = e . (m_c - m).
  const Components components = posterior_components(x, t);
  const Tensor along = insert_axes(e, {-2});
  const Tensor d = sum(along * (components.means - insert_axes(field_.posterior_mean(x, t), {-2})), {-1});
  const Tensor within = sum(square(along) * components.variances, {-1});
  return sum(field_.responsibilities(x, t) * d * (square(d) + 3 * within), {-1});
}

Tensor Mixture::posterior_draws(const Tensor& key, std::int64_t n, const Tensor& x, const Tensor& t) const {
  const Tensor keys = split(key, 2);
  const Components components = posterior_components(x, t);
  // The component in whose share of [0, 1) a uniform number falls.
  const Tensor shares = cumsum(field_.responsibilities(x, t), -1);  // [B, C]
  const Tensor u = uniform(keys[0], Shape{n, x.shape()[0], 1}, DType::f64);
  const Tensor below = sum(cast(less(shares, u), DType::i64), {-1});
  const Tensor which = min(below, means_.shape()[0] - 1);
  return pick(components.means, which) + sqrt(pick(components.variances, which)) *
                                             normal(keys[1], Shape{n, x.shape()[0], dimension()}, DType::f64);
}

}  // namespace nabla::gmm_oracle
