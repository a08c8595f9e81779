#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/conservativity.h"
#include "uncertainty/diagnostics.h"

// Ratios of a field do not see its size.

namespace nabla::uncertainty {
namespace {

using namespace test;

std::vector<int> exponents(DType dtype) {
  if (dtype == DType::f64) return {-900, -600, -515, -1, 515, 600, 900};
  return {-95, -70, -64, -1, 64, 70, 95};
}

}  // namespace

TEST_CASE("conservativity and symmetry defect of a field by a power of two are the same bits") {
  for (const DType dtype : {DType::f64, DType::f32})
    for (const std::int64_t probes : {8, 30}) {  // estimated, exact
      const Tensor matrix = cast(random_normal(1, Shape{20, 20}), dtype);
      const Tensor x = cast(random_normal(2, Shape{3, 20}), dtype), t = cast(time_of(.4), dtype);
      const auto run = [&](int exponent) {
        const Tensor scaled = matrix * std::ldexp(1.0, exponent);
        const flow::TimedField v = [&](const Tensor& at, const Tensor&) {
          return matmul(at, transpose(scaled));
        };
        const Conservativity found = conservativity(v, x, t, random_key(3), probes);
        std::vector<double> numbers;
        for (const Tensor& number :
             {found.value, found.standard_error, symmetry_defect(reshape(scaled, Shape{1, 20, 20}))})
          for (const double value : cast(number, DType::f64).to_vector<double>()) numbers.push_back(value);
        return numbers;
      };
      const std::vector<double> expected = run(0);
      CHECK(expected[0] > .5);
      for (const int exponent : exponents(dtype)) {
        CAPTURE(exponent);
        CHECK(run(exponent) == expected);
      }
    }
}

}  // namespace nabla::uncertainty
