#include "engine/spectral/dense/symmetric_eigenvalues.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/backend/instruction_set.h"
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

// A v = value v for orthonormal v, relative to the largest value.
void check_pairs(const std::vector<double>& matrix, const SymmetricEigen& found) {
  const std::size_t n = found.values.size();
  const double size = std::max(std::abs(found.values.front()), std::abs(found.values.back()));
  double defect = 0;
  double error = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double* v = found.vectors.data() + i * n;
    for (std::size_t j = 0; j < n; ++j) {
      double product = 0;
      double image = 0;
      for (std::size_t k = 0; k < n; ++k) {
        product += v[k] * found.vectors[j * n + k];
        image += matrix[j * n + k] * v[k];
      }
      defect = std::max(defect, std::abs(product - (i == j ? 1 : 0)));
      error = std::max(error, std::abs(image - found.values[i] * v[j]));
    }
  }
  CHECK(defect < 1e-13);
  CHECK(error <= 1e-13 * size);
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

// The sizes lie around the tiles and blocks of the reduction.
TEST_CASE("eigenvalues and -vectors of matrices of many sizes") {
  for (const std::size_t n : {2, 7, 8, 9, 16, 17, 18, 24, 25, 33, 65, 130}) {
    CAPTURE(n);
    std::vector<double> values;
    for (std::size_t i = 0; i < n; ++i) values.push_back(std::cos(1.3 * static_cast<double>(i)));
    check_values(values);
    const std::vector<double> matrix = matrix_with(values);
    check_pairs(matrix, symmetric_eigen(matrix, n));
  }
}

// `change` gets the elements in turn and gives those of the lower triangle.
std::vector<double> changed(std::vector<double> matrix, std::size_t n, const auto& change) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      matrix[i * n + j] = matrix[j * n + i] = change(matrix[i * n + j], i, j);
  return matrix;
}

TEST_CASE("eigenvalues do not depend on the order in which large and small elements come") {
  for (const std::size_t n : {5, 17, 40, 90}) {
    CAPTURE(n);
    const std::int64_t extent = static_cast<std::int64_t>(n);
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const Tensor u = normal(random_key(seed), Shape{extent, 5}, DType::f64);
      const std::vector<double> gram = matmul(u, transpose(u)).to_vector<double>();
      const auto is_small = [&](std::size_t i) { return i < n / 2; };
      for (const double small : {1e-17, 1e-160}) {
        CAPTURE(small);
        const std::vector<double> noise = changed(gram, n, [&](double x, std::size_t i, std::size_t j) {
          return is_small(i) || is_small(j) ? x * small : x;
        });
        std::vector<double> turned(noise.rbegin(), noise.rend());
        const std::vector<double> graded = changed(gram, n, [&](double x, std::size_t i, std::size_t j) {
          const double exponent = std::log10(small) / 2 / static_cast<double>(n);
          return x * std::pow(10, exponent * static_cast<double>(2 * n - i - j));
        });
        for (const std::vector<double>& matrix : {noise, turned, graded}) {
          const SymmetricEigen found = symmetric_eigen(matrix, n);
          check_pairs(matrix, found);
          // The last bits of the elements move no value by more than rounding.
          const std::vector<double> again =
              symmetric_eigenvalues(changed(matrix, n,
                                            [](double x, std::size_t i, std::size_t j) {
                                              return std::nextafter(x, (i + j) % 2 ? 2 * x : 0.0);
                                            }),
                                    n);
          for (std::size_t i = 0; i < n; ++i)
            CHECK(std::abs(again[i] - found.values[i]) <= 1e-13 * found.values.back());
        }
      }
    }
  }
}

TEST_CASE("eigenvalues have the same bits for every instruction set") {
  std::vector<double> values;
  for (int i = 0; i < 45; ++i) values.push_back(std::sin(1.7 * i));
  const std::vector<double> matrix = matrix_with(values);
  const InstructionSet usual = instruction_set();
  set_instruction_set(InstructionSet::baseline);
  const SymmetricEigen plain = symmetric_eigen(matrix, values.size());
  for (const InstructionSet set : {InstructionSet::avx2, InstructionSet::avx512}) {
    CAPTURE(name_of(set));
    try {
      set_instruction_set(set);
    } catch (const Error&) {
      MESSAGE("skipped: " << std::string(name_of(set)));
      continue;
    }
    const SymmetricEigen fast = symmetric_eigen(matrix, values.size());
    CHECK(fast.values == plain.values);
    CHECK(fast.vectors == plain.vectors);
  }
  set_instruction_set(usual);
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
    check_pairs(matrix, found);
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
