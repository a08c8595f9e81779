#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "engine/engine.h"
#include "flow/empirical_field.h"
#include "flow/field.h"
#include "flow/gaussian.h"
#include "flow/gaussian_mixture.h"
#include "flow/preconditioned_field.h"

namespace nabla::flow {
namespace {

double largest(const Tensor& x) { return reduce_max(abs(x)).item(); }

Tensor random_normal(std::uint64_t seed, const Shape& shape) {
  return normal(random_key(seed), shape, DType::f64);
}

const AffinePath& path_number(int i) {
  static const AffinePath paths[] = {linear_path(), trigonometric_path()};
  return paths[i];
}

// An orthogonal matrix: a product of two reflections.
Tensor rotation(std::int64_t n) {
  Tensor q = identity(n, DType::f64);
  for (const std::uint64_t seed : {21u, 22u}) {
    const Tensor v = random_normal(seed, Shape{n, 1});
    q = matmul(q, identity(n, DType::f64) - matmul(v, transpose(v)) * 2 / sum(square(v)));
  }
  return q;
}

}  // namespace

TEST_CASE("the empirical field is the softmax formula, point by point") {
  constexpr std::int64_t kPoints = 7;
  constexpr std::int64_t kDim = 3;
  const Tensor data = random_normal(1, Shape{kPoints, kDim}) + 4;
  const Tensor x = random_normal(2, Shape{2, kDim}) + 2;
  for (int which = 0; which < 2; ++which) {
    const AffinePath& path = path_number(which);
    const EmpiricalField field(data, path);
    for (const double time : {0.05, 0.4, 0.9}) {
      CAPTURE(path.name);
      CAPTURE(time);
      const Tensor t = shared_time(time, DType::f64);
      const double a = path.a(t).item();
      const double s = path.s(t).item();
      const std::vector<double> points = data.to_vector<double>();
      const std::vector<double> at = x.to_vector<double>();
      const std::vector<double> w = field.weights(x, t).to_vector<double>();
      const std::vector<double> m = field.posterior_mean(x, t).to_vector<double>();
      const std::vector<double> v = field.velocity(x, t).to_vector<double>();
      const std::vector<double> covariance = field.posterior_covariance(x, t).to_vector<double>();
      const std::vector<double> traces = field.posterior_trace(x, t).to_vector<double>();
      for (std::size_t b = 0; b < 2; ++b) {
        double expected[kPoints];
        double total = 0;
        for (std::size_t i = 0; i < kPoints; ++i) {
          double distance = 0;
          for (std::size_t d = 0; d < kDim; ++d)
            distance += std::pow(at[b * kDim + d] - a * points[i * kDim + d], 2);
          total += expected[i] = std::exp(-distance / (2 * s * s));
        }
        double mean[kDim] = {};
        for (std::size_t i = 0; i < kPoints; ++i) {
          CHECK(w[b * kPoints + i] == doctest::Approx(expected[i] / total).epsilon(1e-9));
          for (std::size_t d = 0; d < kDim; ++d) mean[d] += expected[i] / total * points[i * kDim + d];
        }
        double trace = 0;
        for (std::size_t d = 0; d < kDim; ++d) {
          CHECK(m[b * kDim + d] == doctest::Approx(mean[d]).epsilon(1e-11));
          const double noise = (at[b * kDim + d] - a * mean[d]) / s;  // E[x0 | x_t = x]
          CHECK(v[b * kDim + d] ==
                doctest::Approx(path.a_rate(t).item() * mean[d] + path.s_rate(t).item() * noise)
                    .epsilon(1e-10));
          for (std::size_t e = 0; e < kDim; ++e) {
            double product = 0;
            for (std::size_t i = 0; i < kPoints; ++i)
              product +=
                  expected[i] / total * (points[i * kDim + d] - mean[d]) * (points[i * kDim + e] - mean[e]);
            CHECK(covariance[(b * kDim + d) * kDim + e] ==
                  doctest::Approx(product).epsilon(1e-9).scale(0.01));
            if (d == e) trace += product;
          }
        }
        CHECK(traces[b] == doctest::Approx(trace).epsilon(1e-9).scale(0.01));
      }
    }
  }
}

TEST_CASE("times may differ from sample to sample") {
  const EmpiricalField field(random_normal(1, Shape{9, 4}));
  const Tensor x = random_normal(2, Shape{3, 4});
  const std::vector<double> times{0.2, 0.5, 0.8};
  const Tensor together = field.velocity(x, tensor(times, Shape{3, 1}));
  for (std::int64_t b = 0; b < 3; ++b) {
    const Tensor alone =
        field.velocity(x({range(b, b + 1)}), shared_time(times[static_cast<std::size_t>(b)], DType::f64));
    CHECK(largest(together({range(b, b + 1)}) - alone) < 1e-14);
  }
}

TEST_CASE("the effective sample size goes from all points to one") {
  const EmpiricalField field(random_normal(1, Shape{50, 6}));
  const Tensor x = random_normal(2, Shape{3, 6});
  const Tensor early = field.effective_sample_size(x, shared_time(1e-3, DType::f64));
  const Tensor late = field.effective_sample_size(x, shared_time(0.999, DType::f64));
  CHECK(reduce_min(early).item() > 49);
  CHECK(reduce_max(late).item() < 1.01);
}

TEST_CASE("a mixture of one Gaussian is the Gaussian") {
  const Tensor mean = random_normal(3, Shape{4});
  const Tensor variances = uniform(random_key(4), Shape{4}, DType::f64) + 0.1;
  const Tensor x = random_normal(5, Shape{3, 4});
  for (int which = 0; which < 2; ++which) {
    const AffinePath& path = path_number(which);
    const GaussianField gaussian(mean, variances, std::nullopt, path);
    const GaussianMixtureField mixture(ones(Shape{1}, DType::f64), insert_axes(mean, {-2}),
                                       insert_axes(variances, {-2}), path);
    for (const double time : {0.1, 0.5, 0.9}) {
      const Tensor t = shared_time(time, DType::f64);
      CHECK(largest(gaussian.velocity(x, t) - mixture.velocity(x, t)) < 1e-13);
      CHECK(largest(gaussian.posterior_mean(x, t) - mixture.posterior_mean(x, t)) < 1e-13);
      CHECK(largest(gaussian.posterior_covariance(t) - mixture.posterior_covariance(x, t)) < 1e-13);
    }
  }
}

TEST_CASE("a mixture of narrow Gaussians is the empirical field of their means") {
  const Tensor means = random_normal(6, Shape{5, 3});
  const GaussianMixtureField mixture(full(Shape{5}, 0.2, DType::f64), means,
                                     full(Shape{5, 3}, 1e-10, DType::f64));
  const EmpiricalField empirical(means);
  const Tensor x = random_normal(7, Shape{4, 3});
  const Tensor t = shared_time(0.5, DType::f64);
  CHECK(largest(mixture.responsibilities(x, t) - empirical.weights(x, t)) < 1e-7);
  CHECK(largest(mixture.velocity(x, t) - empirical.velocity(x, t)) < 1e-7);
  CHECK(largest(mixture.posterior_covariance(x, t) - empirical.posterior_covariance(x, t)) < 1e-7);
}

TEST_CASE("the Gaussian flow map starts at the identity, composes, and moves with the velocity") {
  const std::int64_t n = 4;
  const Tensor basis = rotation(n);
  const GaussianField field(random_normal(1, Shape{n}), uniform(random_key(2), Shape{n}, DType::f64) + 0.05,
                            basis);
  const Tensor x = random_normal(3, Shape{3, n});
  const auto time = [](double t) { return shared_time(t, DType::f64); };
  CHECK(largest(field.flow_map(x, time(0.3), time(0.3)) - x) < 1e-14);
  const Tensor half = field.flow_map(x, time(0.1), time(0.5));
  CHECK(largest(field.flow_map(half, time(0.5), time(0.9)) - field.flow_map(x, time(0.1), time(0.9))) <
        1e-13);
  const Tensor r = time(0.4);
  const Tensor rate =
      jvp([&](const Tensor& to) { return field.flow_map(x, time(0.1), to); }, r, ones_like(r)).tangent;
  CHECK(largest(rate - field.velocity(field.flow_map(x, time(0.1), r), r)) < 1e-13);
  // A covariance that is not diagonal.
  CHECK(largest(field.posterior_covariance(r) * (1 - identity(n, DType::f64))) > 1e-3);
}

TEST_CASE("a preconditioned field without a network is the exact Gaussian field") {
  const Tensor mean = random_normal(8, Shape{5});
  const Tensor variance = uniform(random_key(9), Shape{5}, DType::f64) * 2 + 0.01;
  const GaussianField gaussian(mean, variance);
  const PreconditionedField field(
      mean, variance, [](const Tensor& z, const Tensor&, const Tensor&) { return zeros_like(z); });
  const Tensor x = random_normal(10, Shape{6, 5});
  for (const double time : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    const Tensor t = shared_time(time, DType::f64);
    CHECK(largest(field.velocity(x, t) - gaussian.velocity(x, t)) < 1e-12);
    // No 0/0 where both times agree.
    CHECK(largest(field.average_velocity(x, t, t) - gaussian.velocity(x, t)) < 1e-12);
    const Tensor r = shared_time(0.9 - 0.7 * time, DType::f64);
    CHECK(largest(field.average_velocity(x, t, r) - gaussian.average_velocity(x, t, r)) < 1e-12);
  }
}

TEST_CASE("the network of a preconditioned field sees inputs of unit size and both times") {
  const Tensor mean = random_normal(8, Shape{3});
  const Tensor variance = full(Shape{3}, 0.25, DType::f64);
  const PreconditionedField field(mean, variance, [](const Tensor& z, const Tensor& t, const Tensor& gap) {
    CHECK(t.shape() == Shape{1, 1});
    CHECK(gap.shape() == Shape{1, 1});
    return z * (t + gap * 10);
  });
  const Tensor x1 = mean + random_normal(1, Shape{4, 3}) * 0.5;
  const Tensor t = shared_time(1, DType::f64);
  // At t = 1, D_t = l: the output is scaled back to the size of the data.
  const PreconditionedField silent(
      mean, variance, [](const Tensor& z, const Tensor&, const Tensor&) { return zeros_like(z); });
  CHECK(largest(field.velocity(x1, t) - silent.velocity(x1, t) - (x1 - mean) / 0.5) < 1e-13);
  const Tensor r = shared_time(0.5, DType::f64);
  CHECK(largest(field.average_velocity(x1, t, r) - silent.average_velocity(x1, t, r) +
                (x1 - mean) / 0.5 * 4) < 1e-12);
}

TEST_CASE("closed-form fields refuse shapes that do not fit") {
  CHECK_THROWS_WITH_AS(EmpiricalField(zeros(Shape{0, 3})), doctest::Contains("not empty"), Error);
  CHECK_THROWS_WITH_AS(EmpiricalField(zeros(Shape{4, 3}, DType::i32)), doctest::Contains("[4, 3] i32"),
                       Error);
  const EmpiricalField field(zeros(Shape{4, 3}));
  CHECK_THROWS_WITH_AS(field.velocity(zeros(Shape{2, 2}), shared_time(0.5, DType::f32)),
                       doctest::Contains("x [2, 2] must be [B, 3]"), Error);
  CHECK_THROWS_WITH_AS(GaussianField(zeros(Shape{3}), zeros(Shape{2})),
                       doctest::Contains("[D], [D] and [D, D]"), Error);
  CHECK_THROWS_WITH_AS(GaussianMixtureField(zeros(Shape{2}), zeros(Shape{3, 1}), zeros(Shape{3, 1})),
                       doctest::Contains("[C], [C, D] and [C, D]"), Error);
  CHECK_THROWS_WITH_AS(PreconditionedField(zeros(Shape{3}), zeros(Shape{1, 3}), nullptr),
                       doctest::Contains("must both be [D]"), Error);
}

}  // namespace nabla::flow
