#include "uncertainty/symmetric_spectrum.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/uncertainty/oracles.h"

namespace nabla::uncertainty {

using namespace test;

TEST_CASE("spectra of symmetric parts, batch by batch and in f32") {
  const Tensor q = reflection(1, 4);
  const Tensor values = tensor<double>({-2, -.5, 1, 3, 0, 1e-3, 2, 2}, Shape{2, 1, 4});
  const Tensor symmetric = matmul(q * values, transpose(q));
  const Tensor other = random_normal(2, Shape{2, 4, 4});
  const Tensor m = symmetric + other - transpose(other);
  for (const DType dtype : {DType::f64, DType::f32}) {
    const double tolerance = dtype == DType::f64 ? 1e-14 : 1e-5;
    const auto spectra = symmetric_spectra(cast(m, dtype));
    const auto factors = symmetric_factors(cast(m, dtype));
    REQUIRE(spectra.size() == 2);
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t i = 0; i < 4; ++i) {
        const double expected = values.to_vector<double>()[b * 4 + i];
        CHECK(std::abs(spectra[b][i] - expected) < tolerance);
        CHECK(std::abs(factors[b].values[i] - expected) < tolerance);
        const Tensor v =
            tensor(std::vector<double>(factors[b].vectors.begin() + static_cast<std::ptrdiff_t>(4 * i),
                                       factors[b].vectors.begin() + static_cast<std::ptrdiff_t>(4 * i + 4)),
                   Shape{4});
        CHECK(largest(matmul(symmetric[b], v) - v * expected) < 2 * tolerance);
      }
  }
  CHECK(symmetric_spectra(zeros(Shape{0, 3, 3})).empty());
  CHECK(symmetric_spectra(zeros(Shape{1, 3, 3}))[0] == std::vector<double>{0, 0, 0});
  CHECK_THROWS_WITH_AS(symmetric_spectra(full(Shape{1, 2, 2}, NAN)), doctest::Contains("NaN"), Error);
  CHECK_THROWS_WITH_AS(symmetric_factors(full(Shape{1, 2, 2}, INFINITY)), doctest::Contains("infinity"),
                       Error);
}

TEST_CASE("spectra of matrices of low rank, of any size that numbers have") {
  const std::int64_t n = 64;
  for (const std::int64_t rank : {1, 2, 5}) {
    const Tensor u = random_normal(3, Shape{n, rank});
    const Tensor m = insert_axes(matmul(u, transpose(u)), {-3});
    const double top = symmetric_spectra(m)[0].back();
    for (const double scale : {1., 1e-290, 1e-308, 1e300}) {
      CAPTURE(scale);
      const std::vector<double> found = symmetric_spectra(m * scale)[0];
      CHECK(found.back() == doctest::Approx(top * scale).epsilon(1e-13));
      for (std::size_t i = 0; i < static_cast<std::size_t>(n - rank); ++i)
        CHECK(std::abs(found[i]) <= 1e-12 * top * scale);
    }
  }
}

TEST_CASE("spectra of the covariance of few points that lie unequally far apart") {
  const std::int64_t n = 64;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Tensor u = random_normal(seed, Shape{n, 6}) * exp(-4 * iota(6, DType::f64));
    const Tensor m = insert_axes(matmul(u, transpose(u)), {-3});
    const std::vector<double> found = symmetric_spectra(matmul(m, m))[0];
    const double top = found.back();
    CHECK(top == doctest::Approx(std::pow(symmetric_spectra(m)[0].back(), 2)).epsilon(1e-12));
    for (std::size_t i = 0; i < static_cast<std::size_t>(n) - 6; ++i) CHECK(std::abs(found[i]) < 1e-13 * top);
  }
}

}  // namespace nabla::uncertainty
