#include "uncertainty/one_step.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "engine/engine.h"
#include "engine/spectral/dense/log_determinant.h"
#include "flow/flow.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/posterior.h"

namespace nabla::uncertainty {
namespace {

using namespace test;

constexpr std::int64_t kDim = 4;

const std::vector<double> kSpectrum{2, 0.7, 0.1, 0.02};

flow::GaussianField gaussian() {
  const Tensor v = random_normal(5, Shape{kDim, 1});
  const Tensor reflection = identity(kDim, DType::f64) - matmul(v, transpose(v)) * 2 / sum(square(v));
  return flow::GaussianField(random_normal(1, Shape{kDim}), tensor(kSpectrum, Shape{kDim}), reflection);
}

flow::AverageField average(const flow::GaussianField& field) {
  return [field](const Tensor& x, const Tensor& t, const Tensor& r) {
    const Tensor apart = not_equal(t, r);
    return select(apart, field.average_velocity(x, t, select(apart, r, r + 1)), field.velocity(x, t));
  };
}

}  // namespace

TEST_CASE("for Gaussian data the inner posterior and the push-forward are the posterior covariance") {
  const flow::GaussianField field = gaussian();
  const flow::AverageField u = average(field);
  const Tensor x0 = random_normal(2, Shape{3, kDim});
  for (const double time : {0.1, 0.5, 0.9}) {
    const Tensor t = flow::shared_time(time, DType::f64);
    const Tensor exact = field.posterior_covariance(t);  // [1, D, D]
    const InnerPosterior inner = inner_posterior(u, x0, t);
    const Tensor x = field.flow_map(x0, flow::shared_time(0, DType::f64), t);
    CHECK(largest(inner.x_t - x) < 1e-13);
    CHECK(largest(inner.posterior.mean() - field.posterior_mean(x, t)) < 1e-12);
    CHECK(largest(inner.posterior.variance() - diagonal(exact)) < 1e-12);
    CHECK(largest(inner.posterior.trace() - trace(exact)) < 1e-12);
    CHECK(largest(push_forward_covariance(u, x, t) - exact) < 1e-12);
  }
}

TEST_CASE("the push-forward of a map that turns is X X^T, not X X") {
  const double t = 0.25;
  const Tensor m = tensor<double>({0.5, -2, 0.25, 1}, Shape{2, 2});
  const flow::AverageField u = [&](const Tensor& x, const Tensor&, const Tensor&) {
    return matmul(x, transpose(m));
  };
  const Tensor x = random_normal(2, Shape{3, 2});
  const Tensor map = identity(2, DType::f64) + m * (1 - t);
  const Tensor expected = matmul(map, transpose(map)) * ((1 - t) * (1 - t));
  CHECK(largest(push_forward_covariance(u, x, flow::shared_time(t, DType::f64)) - expected) < 1e-14);
}

TEST_CASE("a push-forward is not a posterior where the data are not Gaussian") {
  // Two points: the flow map sends nearly all x to one of them, with no spread left; the posterior is
  // undecided.
  const flow::EmpiricalField field(tensor<double>({-1, 1}, Shape{2, 1}));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = tensor<double>({0.3}, Shape{1, 1});
  const Tensor t = flow::shared_time(0.3, DType::f64);
  const double trace = posterior(v, flow::linear_path(), x, t).trace().item();
  // The one-step map by Euler's method over the exact field, differentiable.
  const flow::AverageField u = [&](const Tensor& at, const Tensor& from, const Tensor& to) {
    const Tensor h = (to - from) / 64;
    Tensor y = at, time = from;
    for (int i = 0; i < 63; ++i) y = y + h * field.velocity(y, time), time = time + h;
    return (y + h * field.velocity(y, time) - at) / (to - from);
  };
  CHECK(trace > 0.5);
  CHECK(push_forward_covariance(u, x, t).item() < 0.05);
}

TEST_CASE("the one-step likelihood of a Gaussian is its density at the sample") {
  const flow::GaussianField field = gaussian();
  const flow::AverageField u = average(field);
  const Tensor x0 = random_normal(2, Shape{5, kDim});
  const std::vector<double> found = one_step_log_density(u, x0).to_vector<double>();
  const std::vector<double> lengths = sum(square(x0), {1}).to_vector<double>();
  double half_log_determinant = 0;
  for (const double variance : kSpectrum) half_log_determinant += 0.5 * std::log(variance);
  for (std::size_t i = 0; i < found.size(); ++i) {
    // In the whitened coordinates of the data the sample is x0 itself, up to a rotation.
    const double expected =
        -0.5 * (lengths[i] + kDim * std::log(2 * std::numbers::pi)) - half_log_determinant;
    CHECK(found[i] == doctest::Approx(expected).epsilon(1e-12));
  }
  const flow::AverageField collapse = [](const Tensor& x, const Tensor&, const Tensor&) { return -x; };
  CHECK(one_step_log_density(collapse, x0)[0].item() == std::numeric_limits<double>::infinity());
}

TEST_CASE("the logarithm of a determinant") {
  CHECK(log_abs_determinant(std::vector<double>{0, 2, -3, 5}, 2) == doctest::Approx(std::log(6.0)));
  CHECK(log_abs_determinant(std::vector<double>{}, 0) == 0);
  CHECK(log_abs_determinant(std::vector<double>{1, 2, 2, 4}, 2) == -std::numeric_limits<double>::infinity());
  // det(I + v v^T) = 1 + |v|^2, with rows in another order.
  const std::int64_t n = 30;
  const Tensor v = random_normal(3, Shape{n, 1});
  const Tensor matrix = flip(identity(n, DType::f64) + matmul(v, transpose(v)), 0);
  CHECK(log_abs_determinant(matrix.data<double>(), n) ==
        doctest::Approx(std::log1p(sum(square(v)).item())).epsilon(1e-13));
  CHECK_THROWS_WITH_AS(log_abs_determinant(std::vector<double>{1, 2}, 2), doctest::Contains("2 elements"),
                       Error);
  CHECK_THROWS_WITH_AS(log_abs_determinant(std::vector<double>{NAN}, 1), doctest::Contains("NaN"), Error);
}

TEST_CASE("one-step forms refuse times where they mean nothing") {
  const flow::AverageField u = average(gaussian());
  const Tensor x = random_normal(2, Shape{3, kDim});
  CHECK_THROWS_WITH_AS(inner_posterior(u, x, flow::shared_time(0, DType::f64)),
                       doctest::Contains("strictly between 0"), Error);
  CHECK_THROWS_WITH_AS(push_forward_covariance(u, x, flow::shared_time(1, DType::f64)),
                       doctest::Contains("push_forward_covariance: the time 1"), Error);
  CHECK_THROWS_WITH_AS(push_forward_covariance(u, x, zeros(Shape{2, 1}, DType::f64) + 0.5),
                       doctest::Contains("must be [3, 1] or [1, 1]"), Error);
}

}  // namespace nabla::uncertainty
