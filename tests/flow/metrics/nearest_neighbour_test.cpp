#include "flow/metrics/nearest_neighbour.h"

#include <doctest/doctest.h>

#include "engine/engine.h"
#include "flow/metrics/precision_recall.h"

namespace nabla::flow {

TEST_CASE("the accuracy is 1 for separated sets, 0 for a copy and about .5 for one law") {
  const Tensor a = normal(random_key(1), Shape{400, 3});
  const NearestNeighbourAccuracy apart = nearest_neighbour_accuracy(a, a + 100);
  CHECK(apart.overall == 1);
  CHECK(nearest_neighbour_accuracy(a, a).overall == 0);
  const NearestNeighbourAccuracy same = nearest_neighbour_accuracy(a, normal(random_key(2), Shape{400, 3}));
  CHECK(same.overall == doctest::Approx(0.5).epsilon(0.1));
  CHECK(same.overall == doctest::Approx((same.first + same.second) / 2));
}

TEST_CASE("the parts tell a generator that keeps to one mode") {
  // Real samples on two places, generated ones close together at one of them.
  const Tensor real = tensor<double>({0, 1, 10, 11}, Shape{4, 1});
  const Tensor generated = tensor<double>({0.4, 0.5, 0.6, 0.7}, Shape{4, 1});
  const NearestNeighbourAccuracy accuracy = nearest_neighbour_accuracy(real, generated);
  CHECK(accuracy.first == 0.5);
  CHECK(accuracy.second == 1);
  CHECK(accuracy.overall == 0.75);
}

TEST_CASE("the parts tell visible noise, for which the mean is .5 and recall is 1") {
  // Real samples in a plane of 64 dimensions, generated ones beside it.
  const auto real_like = [](std::uint64_t seed) {
    return concatenate({normal(random_key(seed), Shape{300, 2}), zeros(Shape{300, 62})}, -1);
  };
  const Tensor real = real_like(1);
  const Tensor generated = real_like(2) + 0.3 * normal(random_key(3), Shape{300, 64});
  const NearestNeighbourAccuracy accuracy = nearest_neighbour_accuracy(generated, real);
  CHECK(accuracy.first < 0.02);
  CHECK(accuracy.second > 0.98);
  CHECK(accuracy.overall == doctest::Approx(0.5).epsilon(0.02));
  CHECK(precision_recall(real, generated).recall > 0.99);
  CHECK(density_coverage(real, generated).coverage < 0.02);
}

TEST_CASE("ties favour neither side") {
  // All at one place: each sample has 2 neighbours of its own set and 3 of the other.
  const Tensor same = ones(Shape{3, 2});
  const NearestNeighbourAccuracy accuracy = nearest_neighbour_accuracy(same, same);
  CHECK(accuracy.first == doctest::Approx(0.4).epsilon(1e-14));
  CHECK(accuracy.second == doctest::Approx(0.4).epsilon(1e-14));
  // 0 has a neighbour of either set at distance 1.
  const NearestNeighbourAccuracy line =
      nearest_neighbour_accuracy(tensor<double>({0, 1}, Shape{2, 1}), tensor<double>({-1, 5}, Shape{2, 1}));
  CHECK(line.first == doctest::Approx((0.5 + 1) / 2).epsilon(1e-14));
  CHECK(line.second == 0);
  // A set of one sample has no neighbour of its own.
  CHECK(nearest_neighbour_accuracy(ones(Shape{1, 2}), ones(Shape{1, 2})).overall == 0);
}

TEST_CASE("distances to the nearest of a reference") {
  const Tensor reference = tensor<double>({0, 0, 3, 4}, Shape{2, 2});
  const Tensor samples = tensor<double>({3, 4, 0, -2, 3, 3}, Shape{3, 2});
  CHECK(nearest_distances(samples, reference) == std::vector<double>{0, 2, 1});
}

TEST_CASE("the nearest-neighbour metrics refuse what does not fit") {
  CHECK_THROWS_WITH_AS(nearest_neighbour_accuracy(ones(Shape{2, 3}), ones(Shape{4, 3})),
                       doctest::Contains("same size"), Error);
  CHECK_THROWS_WITH_AS(nearest_neighbour_accuracy(ones(Shape{2, 3}), ones(Shape{2, 4})),
                       doctest::Contains("nearest_neighbour_accuracy"), Error);
  CHECK_THROWS_WITH_AS(nearest_distances(ones(Shape{2, 3}), ones(Shape{2, 4})),
                       doctest::Contains("nearest_distances"), Error);
}

}  // namespace nabla::flow
