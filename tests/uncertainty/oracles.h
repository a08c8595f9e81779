#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "flow/flow.h"
#include "tests/flow/numbers.h"

// Fields whose posteriors are known in closed form, with one interface, and the paths they are checked on.

namespace nabla::uncertainty::test {

using flow::largest;
using flow::random_normal;

inline Tensor time_of(double t) { return flow::shared_time(t, DType::f64); }

// An orthogonal matrix: the reflection by a random vector.
inline Tensor reflection(std::uint64_t seed, std::int64_t n) {
  const Tensor v = random_normal(seed, Shape{n, 1});
  return identity(n, DType::f64) - matmul(v, transpose(v)) * 2 / sum(square(v));
}

// Linear, trigonometric, and one of the caller's whose rates the engine derives.
inline std::vector<flow::AffinePath> paths() {
  return {flow::linear_path(), flow::trigonometric_path(),
          flow::make_path(
              "variance preserving", [](const Tensor& t) { return t; },
              [](const Tensor& t) { return sqrt(1 - square(t)); })};
}

struct EmpiricalOracle {
  EmpiricalOracle(const Tensor& points, const flow::AffinePath& path) : field(points, path), data(points) {}
  Tensor velocity(const Tensor& x, const Tensor& t) const { return field.velocity(x, t); }
  Tensor mean(const Tensor& x, const Tensor& t) const { return field.posterior_mean(x, t); }
  Tensor covariance(const Tensor& x, const Tensor& t) const { return field.posterior_covariance(x, t); }
  // sum_i w_i (e . (x_i - m))^3: [B].
  Tensor third_moment(const Tensor& x, const Tensor& t, const Tensor& e) const {
    const Tensor along = sum((data - insert_axes(mean(x, t), {-2})) * insert_axes(e, {-2}), {-1});
    return sum(field.weights(x, t) * along * square(along), {-1});
  }

  flow::EmpiricalField field;
  Tensor data;
};

struct GaussianOracle {
  GaussianOracle(const Tensor& mu, const Tensor& variances, const Tensor& basis, const flow::AffinePath& path)
      : field(mu, variances, basis, path) {}
  Tensor velocity(const Tensor& x, const Tensor& t) const { return field.velocity(x, t); }
  Tensor mean(const Tensor& x, const Tensor& t) const { return field.posterior_mean(x, t); }
  Tensor covariance(const Tensor& x, const Tensor& t) const {
    return broadcast_to(field.posterior_covariance(t), Shape{x.shape()[0], x.shape()[1], x.shape()[1]});
  }
  Tensor third_moment(const Tensor& x, const Tensor&, const Tensor&) const {
    return zeros(x.shape().first(1), DType::f64);
  }

  flow::GaussianField field;
};

struct MixtureOracle {
  MixtureOracle(const Tensor& weights, const Tensor& mu, const Tensor& l, const flow::AffinePath& p)
      : field(weights, mu, l, p), means(mu), variances(l), path(p) {}
  Tensor velocity(const Tensor& x, const Tensor& t) const { return field.velocity(x, t); }
  Tensor mean(const Tensor& x, const Tensor& t) const { return field.posterior_mean(x, t); }
  Tensor covariance(const Tensor& x, const Tensor& t) const { return field.posterior_covariance(x, t); }
  // The third central moment of a mixture of Gaussians along e: sum_c r_c (d_c^3 + 3 d_c e . S_c e), where
  // d_c is e . (m_c - m).
  Tensor third_moment(const Tensor& x, const Tensor& t, const Tensor& e) const {
    const Tensor a = insert_axes(path.a(t), {-1}), noise = square(insert_axes(path.s(t), {-1}));
    const Tensor spread = noise + square(a) * variances;
    const Tensor component = means + (insert_axes(x, {-2}) - a * means) * (a * variances / spread);
    const Tensor along = insert_axes(e, {-2});
    const Tensor d = sum(along * (component - insert_axes(mean(x, t), {-2})), {-1});
    const Tensor within = sum(square(along) * variances * noise / spread, {-1});
    return sum(field.responsibilities(x, t) * d * (square(d) + 3 * within), {-1});
  }

  flow::GaussianMixtureField field;
  Tensor means, variances;
  flow::AffinePath path;
};

}  // namespace nabla::uncertainty::test
