#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/engine.h"
#include "flow/adaptive_step.h"

// A solution does not know the unit of its state.

namespace nabla::flow {

TEST_CASE("states and atol by a power of two give the same steps and the same bits") {
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor x = cast(tensor<double>({1, -2, 0, .5, 3, .25}, Shape{2, 3}), dtype);
    const Tensor turn = cast(tensor<double>({-.3, 2, 0, -2, -.3, .5, .1, 0, -1}, Shape{3, 3}), dtype);
    const TimedField v = [&](const Tensor& at, const Tensor& t) { return matmul(at, turn) * (1 + t); };
    const auto run = [&](int exponent) {
      const double unit = std::ldexp(1.0, exponent);
      return integrate_adaptive(v, x * unit, 0, 1, {.rtol = 1e-4, .atol = 1e-4 * unit});
    };
    const AdaptiveSolution expected = run(0);
    const std::vector<int> exponents = dtype == DType::f64 ? std::vector<int>{-960, -600, -520, 520, 600, 960}
                                                           : std::vector<int>{-95, -70, -64, 64, 70, 95};
    for (const int exponent : exponents) {
      CAPTURE(exponent);
      const AdaptiveSolution found = run(exponent);
      CHECK(found.evaluations == expected.evaluations);
      CHECK(cast(found.x * std::ldexp(1.0, -exponent), DType::f64).to_vector<double>() ==
            cast(expected.x, DType::f64).to_vector<double>());
    }
  }
}

TEST_CASE("a slope far above what is allowed for the state does not take the first step's length away") {
  // x = r t with r so large that r / atol is out of range, over a time of 1 / r.
  for (const DType dtype : {DType::f64, DType::f32}) {
    const double rate = dtype == DType::f64 ? 0x1p1000 : 0x1p120;
    const TimedField v = [&](const Tensor& at, const Tensor&) { return zeros_like(at) + rate; };
    const AdaptiveSolution found = integrate_adaptive(v, ones(Shape{1, 2}, dtype), 0, 1 / rate, {});
    CHECK(cast(found.x, DType::f64).to_vector<double>()[0] == doctest::Approx(2).epsilon(1e-6));
    CHECK(found.evaluations < 30);
  }
}

}  // namespace nabla::flow
