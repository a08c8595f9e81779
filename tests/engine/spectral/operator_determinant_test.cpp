#include "engine/spectral/operator_determinant.h"

#include <limits>

#include "tests/engine/operators.h"

namespace nabla::test {
namespace {

std::vector<double> logs(const std::vector<std::vector<double>>& spectra) {
  std::vector<double> result;
  for (const std::vector<double>& spectrum : spectra) {
    double total = 0;
    for (const double value : spectrum) total += std::log(std::abs(value));
    result.push_back(total);
  }
  return result;
}

std::vector<double> spread_out(std::int64_t n, double condition) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i)
    values.push_back(std::pow(condition, -static_cast<double>(i) / static_cast<double>(n - 1)));
  return values;
}

}  // namespace

TEST_CASE("log determinants from formed columns") {
  const std::vector<std::vector<double>> spectra = {{1, -2, 3, 4, 5}, {1e-3, 1, 1, -1, 2}};
  const Tensor matrices = symmetric_with(spectra);
  const Tensor expected = f64(logs(spectra), {2});
  CHECK(distance(log_abs_determinant(matrix_operator(matrices)), expected) < 1e-12);
  CHECK(distance(log_abs_determinant(matrix_operator(matrices), 1), expected) < 1e-12);  // column by column
  CHECK(distance(log_abs_determinant(matrix_operator(matrices, DType::f32)), expected) < 1e-3);
  CHECK(log_abs_determinant(matrix_operator(zeros({1, 3, 3}, DType::f64))).item() ==
        -std::numeric_limits<double>::infinity());
  CHECK(log_abs_determinant(matrix_operator(zeros({0, 3, 3}, DType::f64))).shape() == Shape{0});

  // A field between different shapes of one size.
  const Tensor w = normal(random_key(1), {6, 6}, DType::f64).detach();
  const Tensor x = normal(random_key(2), {3, 2, 3}, DType::f64).detach();
  const Field f = [&](const Tensor& at) {
    const Tensor flat = reshape(at, {at.shape()[0], 6});
    return flat + nabla::tanh(matmul(flat, w)) * 0.5;
  };
  CHECK(distance(log_abs_determinant(jacobian_operator(f, x)),
                 log_abs_determinant(matrix_operator(reshape(sample_jacobian(f, x), {3, 6, 6})))) < 1e-12);
}

TEST_CASE("an estimated log determinant lies within four standard errors") {
  const std::vector<std::vector<double>> spectra = {spread_out(40, 10), spread_out(40, 200)};
  const LinearOperator a = matrix_operator(symmetric_with(spectra));
  const std::vector<double> exact = logs(spectra);
  double squares = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Estimate found = estimate_log_determinant(a, random_key(seed), {.probes = 20, .steps = 30});
    for (std::size_t b = 0; b < 2; ++b) {
      const double distance = (values(found.value)[b] - exact[b]) / values(found.standard_error)[b];
      CHECK(std::abs(distance) < 4.5);
      squares += distance * distance / 60;
    }
  }
  CHECK(squares > 0.6);
  CHECK(squares < 1.6);
}

TEST_CASE("quadrature is exact where the space is exhausted, and more steps help where it is not") {
  const std::vector<std::vector<double>> two_values = {{2, 2, 2, 2, 0.5, 0.5, 0.5, 0.5}};
  const LinearOperator a = matrix_operator(symmetric_with(two_values));
  // Two distinct values: two steps are enough, and more must not harm.
  const Estimate two = estimate_log_determinant(a, random_key(3), {.probes = 4, .steps = 2});
  const Estimate eight = estimate_log_determinant(a, random_key(3), {.probes = 4, .steps = 50});
  CHECK(distance(two.value, eight.value) < 1e-10);
  const Estimate scaled =
      estimate_log_determinant(matrix_operator(symmetric_with({{3, 3, 3, 3}})), random_key(1), {.probes = 2});
  CHECK(scaled.value.item() == doctest::Approx(4 * std::log(3)).epsilon(1e-13));
  CHECK(scaled.standard_error.item() < 1e-12);

  const LinearOperator wide = matrix_operator(symmetric_with({spread_out(60, 1e4)}));
  const auto at = [&](std::int64_t steps) {
    return estimate_log_determinant(wide, random_key(5), {.probes = 8, .steps = steps}).value.item();
  };
  CHECK(std::abs(at(40) - at(60)) < 0.1 * std::abs(at(10) - at(60)));
  const LinearOperator single = matrix_operator(symmetric_with({spread_out(40, 10)}), DType::f32);
  CHECK(
      std::abs(estimate_log_determinant(single, random_key(5)).value.item() -
               estimate_log_determinant(matrix_operator(symmetric_with({spread_out(40, 10)})), random_key(5))
                   .value.item()) < 1e-2);
}

TEST_CASE("determinants refuse what does not fit") {
  const LinearOperator a = matrix_operator(symmetric_with({{1, 2, 3}, {1, -2, 3}}));
  CHECK_THROWS_WITH_AS(estimate_log_determinant(a, random_key(1)),
                       doctest::Contains("sample 1 is not positive definite"), Error);
  CHECK_THROWS_WITH_AS(estimate_log_determinant(a, random_key(1), {.probes = 1}),
                       doctest::Contains("1 probes"), Error);
  CHECK_THROWS_WITH_AS(estimate_log_determinant(a, random_key(1), {.steps = 0}), doctest::Contains("0 steps"),
                       Error);
  const LinearOperator wide = matrix_operator(ones({2, 3, 4}, DType::f64));
  CHECK_THROWS_WITH_AS(log_abs_determinant(wide), doctest::Contains("[2, 4] to [2, 3]"), Error);
  CHECK_THROWS_WITH_AS(estimate_log_determinant(wide, random_key(1)), doctest::Contains("[2, 4] to [2, 3]"),
                       Error);
  const LinearOperator broken = matrix_operator(full({1, 2, 2}, std::nan(""), DType::f64));
  CHECK_THROWS_WITH_AS(log_abs_determinant(broken), doctest::Contains("NaN"), Error);
  CHECK_THROWS_WITH_AS(estimate_log_determinant(broken, random_key(1)),
                       doctest::Contains("NaN or an infinity for sample 0"), Error);
}

TEST_CASE("the determinant of a multiple, however small or large") {
  const std::vector<std::vector<double>> spectra = {spread_out(12, 10)};
  for (const double size : {1e-300, 1e-170, 1e170, 1e300}) {
    CAPTURE(size);
    const double expected = logs(spectra)[0] + 12 * std::log(size);
    const LinearOperator a = matrix_operator(symmetric_with(spectra) * size);
    CHECK(log_abs_determinant(a).item() == doctest::Approx(expected).epsilon(1e-12));
    const Estimate found = estimate_log_determinant(a, random_key(1), {.probes = 4000, .steps = 12});
    CHECK(std::abs(found.value.item() - expected) < 4.5 * found.standard_error.item() + 1e-9);
  }
}

}  // namespace nabla::test
