#include "flow/gauss_legendre.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/tensor/error.h"

namespace nabla::flow {

TEST_CASE("a Gauss-Legendre rule is exact up to degree 2 n - 1, and not beyond") {
  for (const std::int64_t count : {1, 2, 3, 8, 33, 100}) {
    CAPTURE(count);
    const Quadrature rule = gauss_legendre(count);
    REQUIRE(rule.nodes.size() == static_cast<std::size_t>(count));
    const auto error = [&](std::int64_t degree) {
      double total = 0;
      for (std::size_t i = 0; i < rule.nodes.size(); ++i)
        total += rule.weights[i] * std::pow(rule.nodes[i], static_cast<double>(degree));
      return std::abs(total - 1 / static_cast<double>(degree + 1));
    };
    for (std::int64_t degree = 0; degree < 2 * count; ++degree) CHECK(error(degree) < 1e-14);
    if (count <= 3) CHECK(error(2 * count) > 1e-5);
    for (std::size_t i = 1; i < rule.nodes.size(); ++i) CHECK(rule.nodes[i - 1] < rule.nodes[i]);
    CHECK(rule.nodes.front() > 0);
    CHECK(rule.nodes.back() < 1);
  }
  CHECK(gauss_legendre(2).nodes[0] == doctest::Approx(0.5 - std::sqrt(3) / 6).epsilon(1e-15));
  CHECK_THROWS_WITH_AS(gauss_legendre(0), doctest::Contains("at least one"), Error);
}

TEST_CASE("the coefficients of a Legendre series follow from the values at the nodes") {
  // u^2 = P_0 / 3 + P_1 / 2 + P_2 / 6 on [0, 1].
  const Quadrature rule = gauss_legendre(5);
  const std::vector<double> matrix = legendre_coefficients(rule);
  const double expected[] = {1. / 3, 1. / 2, 1. / 6, 0, 0};
  for (std::size_t k = 0; k < 5; ++k) {
    double coefficient = 0;
    for (std::size_t i = 0; i < 5; ++i) coefficient += matrix[k * 5 + i] * rule.nodes[i] * rule.nodes[i];
    CHECK(coefficient == doctest::Approx(expected[k]).epsilon(1e-14).scale(1));
  }
}

}  // namespace nabla::flow
