#include "flow/metrics/sliced_wasserstein.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"

namespace nabla::flow {

TEST_CASE("in one dimension it is W2, also between sets of different size") {
  const Tensor key = random_key(1);
  const Tensor a = tensor<double>({3, 0, 1}, Shape{3, 1});
  CHECK(sliced_wasserstein(key, a, a) == 0);
  CHECK(sliced_wasserstein(key, a, a + 2) == doctest::Approx(2).epsilon(1e-14));
  // {0, 1} against {0, 0, 3}: the quantile functions differ by 1 on (1/2, 2/3) and by 2 on (2/3, 1).
  const Tensor two = tensor<double>({1, 0}, Shape{2, 1});
  const Tensor three = tensor<double>({0, 3, 0}, Shape{3, 1});
  const double expected = std::sqrt(1. / 6 * 1 + 1. / 3 * 4);
  CHECK(sliced_wasserstein(key, two, three, 4) == doctest::Approx(expected).epsilon(1e-14));
  CHECK(sliced_wasserstein(key, three, two, 4) == doctest::Approx(expected).epsilon(1e-14));
  // Repeating a set does not change its law.
  CHECK(sliced_wasserstein(key, concatenate({a, a}, 0), a) < 1e-15);
}

TEST_CASE("a shift by d adds |d|^2 / D to the square on average") {
  const Tensor a = normal(random_key(2), Shape{50, 4}, DType::f64);
  const Tensor shift = tensor<double>({1, 2, 0, 2}, Shape{4});
  CHECK(sliced_wasserstein(random_key(3), a, a + shift, 4000) == doctest::Approx(1.5).epsilon(0.03));
  CHECK(sliced_wasserstein(random_key(3), a, a) == 0);
  CHECK(sliced_wasserstein(random_key(3), cast(a, DType::f32), cast(a + shift, DType::f32)) ==
        doctest::Approx(sliced_wasserstein(random_key(3), a, a + shift)).epsilon(1e-6));
}

TEST_CASE("sliced_wasserstein refuses what does not fit") {
  const Tensor a = ones(Shape{2, 3});
  CHECK_THROWS_WITH_AS(sliced_wasserstein(random_key(1), a, a, 0), doctest::Contains("0 projections"), Error);
  CHECK_THROWS_WITH_AS(sliced_wasserstein(random_key(1), a, ones(Shape{2, 4})),
                       doctest::Contains("sliced_wasserstein"), Error);
  CHECK_THROWS_WITH_AS(sliced_wasserstein(random_key(1), a, a / zeros(Shape{1, 1})),
                       doctest::Contains("finite"), Error);
}

}  // namespace nabla::flow
