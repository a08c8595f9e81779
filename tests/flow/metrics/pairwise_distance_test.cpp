#include "flow/metrics/pairwise_distance.h"

#include <doctest/doctest.h>

#include <limits>

#include "engine/engine.h"

namespace nabla::flow {

TEST_CASE("squared distances are those of the definition, and 0 between equal samples") {
  for (const std::int64_t dimensions : {1, 3, 4, 7, 20000}) {
    CAPTURE(dimensions);
    const Tensor a = normal(random_key(1), Shape{5, dimensions}) + 1000;
    const Tensor b = normal(random_key(2), Shape{7, dimensions}) + 1000;
    const Tensor difference = insert_axes(cast(a, DType::f64), {-2}) - cast(b, DType::f64);
    const Tensor expected = sum(square(difference), {-1});
    const Tensor distances = squared_distances(a, b);
    CHECK(distances.shape() == Shape{5, 7});
    CHECK(distances.dtype() == DType::f64);
    CHECK(reduce_max(abs(distances / expected - 1)).item() < 1e-13);
    const Tensor self = squared_distances(a, a);
    for (std::int64_t i = 0; i < 5; ++i) CHECK(self({i, i}).item() == 0);
  }
}

TEST_CASE("sets that are none are refused") {
  const Tensor a = ones(Shape{2, 3});
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(squared_distances(a, ones(Shape{2, 4})), doctest::Contains("[2, 3] and [2, 4]"),
                       Error);
  CHECK_THROWS_WITH_AS(squared_distances(ones(Shape{2}), a), doctest::Contains("[n, D]"), Error);
  CHECK_THROWS_WITH_AS(squared_distances(a, ones(Shape{0, 3})), doctest::Contains("[0, 3]"), Error);
  CHECK_THROWS_WITH_AS(squared_distances(a, ones(Shape{2, 3}, DType::i64)), doctest::Contains("i64"), Error);
  CHECK_THROWS_WITH_AS(squared_distances(a * inf, a), doctest::Contains("finite"), Error);
}

}  // namespace nabla::flow
