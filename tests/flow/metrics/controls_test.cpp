#include "flow/metrics/controls.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "engine/engine.h"
#include "tests/flow/numbers.h"

namespace nabla::flow {
namespace {

constexpr std::int64_t kCount = 40000;

// Correlated data far from 0.
Tensor data() {
  const Tensor mix = tensor<double>({1, 0.8, 0, 0, 0.5, 0.3, 0, 0, 2}, Shape{3, 3});
  return (matmul(normal(random_key(1), Shape{20, 3}, DType::f64), mix) + 5).detach();
}

Tensor covariance(const Tensor& x) {
  const Tensor d = x - mean(x, {0});
  return matmul(transpose(d), d) * (1 / static_cast<double>(x.shape()[0]));
}

}  // namespace

TEST_CASE("the full Gaussian has the mean and covariance of the data") {
  const Tensor x = full_gaussian(random_key(2), data(), kCount);
  CHECK(x.shape() == Shape{kCount, 3});
  CHECK(distance(mean(x, {0}), mean(data(), {0})) < 0.05);
  CHECK(distance(covariance(x), covariance(data())) < 0.1);
}

TEST_CASE("independent Gaussians have the variances of the data and no correlation") {
  const Tensor x = independent_gaussians(random_key(3), data(), kCount);
  CHECK(distance(mean(x, {0}), mean(data(), {0})) < 0.05);
  CHECK(distance(covariance(x), identity(3, DType::f64) * var(data(), {0})) < 0.1);
}

TEST_CASE("the log-density of the full Gaussian is the formula, and asks for a covariance with an inverse") {
  const Tensor x = normal(random_key(7), Shape{3, 3}, DType::f64) * 2 + 5;
  const Tensor found = full_gaussian_log_density(data(), x);
  // By Cramer's rule with the determinant of the covariance C: -log(2 pi)^{3/2} - log det C / 2 - d C^-1 d
  // / 2.
  const std::vector<double> c = covariance(data()).to_vector<double>();
  const auto minor = [&](std::size_t i, std::size_t j) {
    const auto at = [&](std::size_t p, std::size_t q) { return c[(i + p) % 3 * 3 + (j + q) % 3]; };
    return at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1);
  };
  const double determinant = c[0] * minor(0, 0) + c[1] * minor(0, 1) + c[2] * minor(0, 2);
  const std::vector<double> d = (x - mean(data(), {0})).to_vector<double>();
  for (std::size_t row = 0; row < 3; ++row) {
    double square = 0;
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        square += d[row * 3 + i] * minor(i, j) / determinant * d[row * 3 + j];
    CHECK(found.to_vector<double>()[row] ==
          doctest::Approx(-1.5 * std::log(2 * std::numbers::pi) - 0.5 * std::log(determinant) - square / 2)
              .epsilon(1e-11));
  }
  const Tensor flat = concatenate({data(), ones(Shape{20, 1}, DType::f64)}, -1);
  CHECK_THROWS_WITH_AS(full_gaussian_log_density(flat, flat), doctest::Contains("[20, 4] has no inverse"),
                       Error);
  CHECK_THROWS_WITH_AS(full_gaussian_log_density(data(), flat), doctest::Contains("[20, 3] and [20, 4]"),
                       Error);
}

TEST_CASE("noise is standard normal, and all keep the type of the data") {
  const Tensor x = noise(random_key(4), data(), kCount);
  CHECK(distance(mean(x, {0}), zeros(Shape{3}, DType::f64)) < 0.03);
  CHECK(distance(covariance(x), identity(3, DType::f64)) < 0.05);
  const Tensor f32 = cast(data(), DType::f32);
  for (const auto control : {&noise, &independent_gaussians, &full_gaussian}) {
    const Tensor y = control(random_key(5), f32, 2);
    CHECK(y.dtype() == DType::f32);
    CHECK(y.shape() == Shape{2, 3});
    CHECK_THROWS_WITH_AS(control(random_key(5), f32, 0), doctest::Contains("0 samples"), Error);
    CHECK_THROWS_WITH_AS(control(random_key(5), ones(Shape{3}), 2), doctest::Contains("[n, D]"), Error);
    CHECK_THROWS_WITH_AS(control(random_key(5), f32 * std::nan(""), 2), doctest::Contains("finite"), Error);
  }
}

}  // namespace nabla::flow
