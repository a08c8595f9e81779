#include "flow/metrics/precision_recall.h"

#include <doctest/doctest.h>

#include "engine/engine.h"

namespace nabla::flow {

TEST_CASE("precision and recall are 1 for equal sets and 0 for distant ones") {
  const Tensor a = normal(random_key(1), Shape{50, 3});
  const PrecisionRecall equal = precision_recall(a, a);
  CHECK(equal.precision == 1);
  CHECK(equal.recall == 1);
  const PrecisionRecall distant = precision_recall(a, a + 100);
  CHECK(distant.precision == 0);
  CHECK(distant.recall == 0);
}

TEST_CASE("a generator that keeps to one of two clusters has precision and half of the recall") {
  const Tensor near = normal(random_key(1), Shape{100, 2});
  const Tensor far = normal(random_key(2), Shape{100, 2}) + 50;
  const Tensor generated = normal(random_key(3), Shape{200, 2}) * 0.5;
  const PrecisionRecall result = precision_recall(concatenate({near, far}, 0), generated);
  CHECK(result.precision > 0.95);
  CHECK(result.recall < 0.5);
  CHECK(result.recall > 0.2);
}

TEST_CASE("precision and recall computed by hand, the border included") {
  // Radii for k = 1: real 1, 1, 3 around 0, 1, 4; generated 2, 2, 10 around -1, 1, 11.
  const Tensor real = tensor<double>({0, 1, 4}, Shape{3, 1});
  const Tensor generated = tensor<double>({-1, 1, 11}, Shape{3, 1});
  const PrecisionRecall one = precision_recall(real, generated, 1);
  CHECK(one.precision == doctest::Approx(2. / 3));  // -1 on the border of 0's ball, 1 inside, 11 outside
  CHECK(one.recall == 1);                           // 4 is within 10 of 11
  // k = 2: real 4, 3, 4; generated 12, 10, 12.
  const PrecisionRecall two = precision_recall(real, generated + 4, 2);  // 3, 5, 15
  CHECK(two.precision == doctest::Approx(2. / 3));
  // Without the border, and with more than the k-th neighbour, the first would be 1/3 and 1.
  const PrecisionRecall narrow = precision_recall(tensor<double>({0, 1, 2, 20}, Shape{4, 1}),
                                                  tensor<double>({3.5, 3.4, 21, 60}, Shape{4, 1}), 2);
  CHECK(narrow.precision == doctest::Approx(3. / 4));  // radii 2, 1, 2, 19: 60 is out
}

TEST_CASE("density and coverage computed by hand, and for two sets of one law") {
  // Radii for k = 1: 1, 1, 3 around 0, 1, 4. -1 is in one ball, 1 in three, 11 in none.
  const Tensor real = tensor<double>({0, 1, 4}, Shape{3, 1});
  const DensityCoverage found = density_coverage(real, tensor<double>({-1, 1, 11}, Shape{3, 1}), 1);
  CHECK(found.density == doctest::Approx(4. / 3));
  CHECK(found.coverage == 1);
  CHECK(density_coverage(real, tensor<double>({-1, -1.5, 11}, Shape{3, 1}), 1).coverage ==
        doctest::Approx(1. / 3));
  const Tensor a = normal(random_key(1), Shape{1000, 4}), b = normal(random_key(2), Shape{1000, 4});
  const DensityCoverage alike = density_coverage(a, b);
  CHECK(alike.density == doctest::Approx(1).epsilon(0.1));
  CHECK(alike.coverage == doctest::Approx(1 - 1. / 32).epsilon(0.02));
  CHECK_THROWS_WITH_AS(density_coverage(real, real, 3), doctest::Contains("density_coverage: 3 neighbours"),
                       Error);
}

TEST_CASE("precision_recall refuses what does not fit") {
  const Tensor a = ones(Shape{4, 3});
  CHECK_THROWS_WITH_AS(precision_recall(a, ones(Shape{3, 3})), doctest::Contains("[4, 3] and [3, 3]"), Error);
  CHECK_THROWS_WITH_AS(precision_recall(a, a, 0), doctest::Contains("0 neighbours"), Error);
  CHECK_THROWS_WITH_AS(precision_recall(a, ones(Shape{4, 2})), doctest::Contains("precision_recall"), Error);
}

}  // namespace nabla::flow
