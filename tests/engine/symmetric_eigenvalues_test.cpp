#include "engine/dense/symmetric_eigenvalues.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/engine.h"

namespace nabla {
namespace {

// Q diag(values) Q^T with Q a product of reflections.
std::vector<double> matrix_with(const std::vector<double>& values) {
  const std::int64_t n = static_cast<std::int64_t>(values.size());
  Tensor q = identity(n, DType::f64);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Tensor v = normal(random_key(seed), Shape{n, 1}, DType::f64);
    q = matmul(q, identity(n, DType::f64) - matmul(v, transpose(v)) * 2 / sum(square(v)));
  }
  return matmul(q * tensor(values, Shape{1, n}), transpose(q)).to_vector<double>();
}

void check_values(std::vector<double> values) {
  const std::vector<double> found = symmetric_eigenvalues(matrix_with(values), values.size());
  std::sort(values.begin(), values.end());
  const double size = std::max(std::abs(values.front()), std::abs(values.back()));
  REQUIRE(found.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(std::abs(found[i] - values[i]) <= 1e-13 * size);
}

}  // namespace

TEST_CASE("eigenvalues of matrices built from them") {
  check_values({3});
  check_values({-1, 2});
  check_values({1, 1, 1, 1});
  check_values({0, 0, 5, -5, 0});
  check_values({1e-12, 1, 1e6, -1e3});
  std::vector<double> many;
  for (int i = 0; i < 64; ++i) many.push_back(std::sin(1.7 * i) * std::pow(10, -i / 16.0));
  check_values(many);
}

TEST_CASE("eigenvalues of the second difference") {
  constexpr std::size_t n = 50;
  std::vector<double> matrix(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    matrix[i * n + i] = 2;
    if (i + 1 < n) matrix[(i + 1) * n + i] = -1;  // the lower triangle is enough
  }
  const std::vector<double> found = symmetric_eigenvalues(matrix, n);
  for (std::size_t k = 0; k < n; ++k)
    CHECK(found[k] ==
          doctest::Approx(2 - 2 * std::cos(std::numbers::pi * static_cast<double>(k + 1) / (n + 1)))
              .epsilon(1e-12));
}

TEST_CASE("eigenvectors are orthonormal and belong to their values") {
  for (const std::vector<double>& chosen : {std::vector<double>{3},
                                            {-1, 2},
                                            {1, 1, 1, 1},
                                            {0, 0, 0},
                                            {0, 0, 5, -5, 0, 5},
                                            {1e-12, 1, 1e6, -1e3}}) {
    const std::size_t n = chosen.size();
    const std::vector<double> matrix = matrix_with(chosen);
    const SymmetricEigen found = symmetric_eigen(matrix, n);
    CHECK(found.values == symmetric_eigenvalues(matrix, n));
    double size = 0;
    for (const double value : chosen) size = std::max(size, std::abs(value));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double product = 0;
        double image = 0;
        for (std::size_t k = 0; k < n; ++k) {
          product += found.vectors[i * n + k] * found.vectors[j * n + k];
          image += matrix[j * n + k] * found.vectors[i * n + k];
        }
        CHECK(std::abs(product - (i == j ? 1 : 0)) < 1e-13);
        CHECK(std::abs(image - found.values[i] * found.vectors[i * n + j]) <= 1e-13 * size);
      }
    }
  }
}

TEST_CASE("diagonal, empty and bad matrices") {
  CHECK(symmetric_eigenvalues(std::vector<double>{2, 0, 0, 0, -1, 0, 0, 0, 7}, 3) ==
        std::vector<double>{-1, 2, 7});
  CHECK(symmetric_eigenvalues({}, 0).empty());
  CHECK(symmetric_eigen({}, 0).vectors.empty());
  CHECK_THROWS_WITH_AS(symmetric_eigen(std::vector<double>(5), 2),
                       doctest::Contains("symmetric_eigen: 5 elements"), Error);
  CHECK_THROWS_WITH_AS(symmetric_eigenvalues(std::vector<double>(5), 2),
                       doctest::Contains("5 elements for a matrix of 2 x 2"), Error);
  CHECK_THROWS_WITH_AS(symmetric_eigenvalues(std::vector<double>{1, 0, std::nan(""), 1}, 2),
                       doctest::Contains("NaN"), Error);
}

}  // namespace nabla
