#include <cmath>
#include <vector>

#include "engine/spectral/deflated_trace.h"
#include "engine/spectral/operator_determinant.h"
#include "engine/spectral/spectrum.h"
#include "tests/engine/operators.h"

// What is found for c A is c times what is found for A: to the bit where c is a power of two and nothing
// leaves the range of the type.

namespace nabla::test {
namespace {

// Powers of two that A (of elements near 1) may be multiplied by and still keep all its bits.
std::vector<int> exponents(DType dtype) {
  if (dtype == DType::f64) return {-900, -600, -510, -260, -1, 1, 260, 510, 600, 900};
  return {-95, -75, -62, -33, -1, 1, 33, 62, 75, 95};
}

Tensor times_power(const Tensor& x, int exponent) { return x * std::ldexp(1.0, exponent); }

// [3, 12, 12], one sample with a multiple of the identity beside.
Tensor some_matrices(DType dtype) {
  const Tensor a = normal(random_key(7), {3, 12, 12}, DType::f64) * 0.4;
  const Tensor shift = f64({0, -3, 1}, {3, 1, 1}) * identity(12, DType::f64);
  return cast(a + shift, dtype).detach();
}

LinearOperator of_exponent(const Tensor& matrices, int exponent) {
  return matrix_operator(times_power(matrices, exponent), matrices.dtype());
}

}  // namespace

TEST_CASE("a deflated trace of c A is c times that of A, and its basis the same") {
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor a = some_matrices(dtype);
    const auto run = [&](int exponent) {
      DeflatedTrace trace({.rank = 2, .probes = 3});
      Estimate found;
      for (std::uint64_t step = 0; step < 3; ++step)
        found = trace.estimate(of_exponent(a, exponent), random_key(step));
      return std::vector<std::vector<double>>{values(times_power(found.value, -exponent)),
                                              values(times_power(found.standard_error, -exponent)),
                                              values(cast(trace.basis(), DType::f64))};
    };
    const auto expected = run(0);
    for (const int exponent : exponents(dtype)) {
      CAPTURE(exponent);
      CHECK(run(exponent) == expected);
    }
  }
}

TEST_CASE("estimates by probes of c A are c times those of A") {
  for (const DType dtype : {DType::f64, DType::f32})
    for (const JacobianMethod method : {JacobianMethod::hutchinson, JacobianMethod::hutch_plus_plus}) {
      const Tensor a = some_matrices(dtype), x = zeros({3, 12}, dtype);
      const auto run = [&](int exponent) {
        const LinearOperator scaled = of_exponent(a, exponent);
        const Field v = [&](const Tensor& at) { return scaled.apply(at); };
        const Estimate found =
            estimate_divergence(v, x, {.method = method, .key = random_key(3), .products = 9});
        const auto unscaled = [&](const Tensor& y) {
          return values(times_power(cast(y, DType::f64), -exponent));
        };
        return std::vector<std::vector<double>>{unscaled(found.value), unscaled(found.standard_error)};
      };
      const auto expected = run(0);
      for (const int exponent : exponents(dtype)) {
        CAPTURE(exponent);
        CHECK(run(exponent) == expected);
      }
    }
}

TEST_CASE("eigenpairs, singular triplets and log determinants of c A follow from those of A") {
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor a = cast(symmetric_with({{9, 7, 4, 3, 2, 1.5, 1, .5}, {5, 4, 3, 2, 1, 1, 1, 1}}), dtype);
    const auto run = [&](int exponent) {
      const LinearOperator scaled = of_exponent(a, exponent);
      const EigenPairs pairs = top_eigenpairs(scaled, {.count = 2, .oversampling = 1});
      const SingularTriplets triplets = top_singular_values(scaled, {.count = 2, .oversampling = 1});
      CHECK(pairs.converged);
      CHECK(triplets.converged);
      const auto unscaled = [&](const Tensor& y) { return values(times_power(y, -exponent)); };
      const auto as_is = [&](const Tensor& y) { return values(cast(y, DType::f64)); };
      return std::vector<std::vector<double>>{unscaled(pairs.values),      as_is(pairs.vectors),
                                              unscaled(pairs.residuals),   unscaled(triplets.values),
                                              as_is(triplets.right),       as_is(triplets.left),
                                              unscaled(triplets.residuals)};
    };
    const auto determinant = [&](int exponent) {
      const LinearOperator scaled = of_exponent(a, exponent);
      const double shift = 8 * exponent * std::log(2.0);
      return std::vector<std::vector<double>>{
          values(log_abs_determinant(scaled) - shift),
          values(estimate_log_determinant(scaled, random_key(1), {.steps = 8}).value - shift)};
    };
    const auto expected = run(0), logs = determinant(0);
    for (const int exponent : exponents(dtype)) {
      CAPTURE(exponent);
      CHECK(run(exponent) == expected);
      const auto found = determinant(exponent);
      for (std::size_t which = 0; which < 2; ++which)
        for (std::size_t b = 0; b < 2; ++b) CHECK(std::abs(found[which][b] - logs[which][b]) < 2e-11);
    }
  }
}

TEST_CASE("singular vectors of an operator whose reciprocal is out of range") {
  for (const DType dtype : {DType::f64, DType::f32}) {
    const double size = dtype == DType::f64 ? 1e-309 : 1e-39;
    const LinearOperator a = matrix_operator(cast(f64({size, 0, 0, size / 8}, {1, 2, 2}), dtype), dtype);
    const double tolerance = dtype == DType::f64 ? 1e-5 : 1e-4;  // images are subnormal
    const SingularTriplets found = top_singular_values(a, {.tolerance = tolerance});
    CAPTURE(name_of(dtype));
    CHECK(found.converged);
    CHECK(found.values.item() == doctest::Approx(size).epsilon(1e-5));
    CHECK(std::abs(cast(found.left, DType::f64).to_vector<double>()[0]) == doctest::Approx(1).epsilon(1e-5));
    const EigenPairs pairs = top_eigenpairs(a);
    CHECK(pairs.values.item() == doctest::Approx(size).epsilon(1e-5));
  }
}

}  // namespace nabla::test
