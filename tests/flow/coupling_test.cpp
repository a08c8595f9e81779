#include "flow/coupling.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "engine/engine.h"
#include "flow/assignment.h"

namespace nabla::flow {
namespace {

double cost_of(const std::vector<double>& costs, const std::vector<std::int64_t>& permutation) {
  double total = 0;
  for (std::size_t i = 0; i < permutation.size(); ++i)
    total += costs[i * permutation.size() + static_cast<std::size_t>(permutation[i])];
  return total;
}

double squared_distance(const Pair& pair) { return sum(square(pair.x0 - pair.x1)).item(); }

}  // namespace

TEST_CASE("an optimal assignment is the best of all permutations") {
  for (std::int64_t n = 0; n <= 6; ++n)
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      std::vector<double> costs = normal(random_key(seed), Shape{n, n}, DType::f64).to_vector<double>();
      // Ties too.
      if (seed % 2 == 0)
        for (double& cost : costs) cost = std::round(cost);
      const std::vector<std::int64_t> found = optimal_assignment(costs, n);
      std::vector<std::int64_t> order(n);
      std::iota(order.begin(), order.end(), 0);
      CHECK(std::ranges::is_permutation(found, order));
      double best = n == 0 ? 0 : INFINITY;
      do best = std::min(best, cost_of(costs, order));
      while (std::ranges::next_permutation(order).found);
      CHECK(cost_of(costs, found) == doctest::Approx(best).epsilon(1e-12));
    }
}

TEST_CASE("an assignment of the largest costs that there are ends, and is the best") {
  const double big = std::numeric_limits<double>::max();
  using Order = std::vector<std::int64_t>;
  CHECK(optimal_assignment(std::vector<double>{1e308, -1e308, -1e308, 1e308}, 2) == Order{1, 0});
  CHECK(optimal_assignment(std::vector<double>{-big, big, big, big, -big, big, big, big, -big}, 3) ==
        Order{0, 1, 2});
  CHECK(optimal_assignment(std::vector<double>{big, big, -big, -big, big, big, big, -big, big}, 3) ==
        Order{2, 0, 1});
  // Reduced costs of which infinity is left, where no column would ever be nearest.
  Order both = optimal_assignment(std::vector<double>{1e308, -1e308, 1e308, -1e308}, 2);
  std::ranges::sort(both);
  CHECK(both == Order{0, 1});
}

TEST_CASE("an assignment refuses costs that are no square of numbers") {
  CHECK_THROWS_WITH_AS(optimal_assignment(std::vector<double>{1, 2}, 2),
                       doctest::Contains("2 costs for 2 rows and columns"), Error);
  CHECK_THROWS_WITH_AS(optimal_assignment(std::vector<double>{NAN}, 1), doctest::Contains("not finite"),
                       Error);
}

TEST_CASE("optimal pairs hand out the same noise, in the order of the data on a line") {
  const std::int64_t n = 40;
  const Tensor key = random_key(3);
  const Tensor x1 = normal(random_key(4), Shape{n, 1}, DType::f64) * 2 + 1;
  const Pair independent = independent_coupling(key, x1);
  const Pair optimal = minibatch_ot_coupling(key, x1);
  CHECK(same(optimal.x1, x1));
  CHECK(sort(optimal.x0, 0).to_vector<double>() == sort(independent.x0, 0).to_vector<double>());
  CHECK(argsort(optimal.x0, 0).to_vector<std::int64_t>() == argsort(x1, 0).to_vector<std::int64_t>());
  CHECK(squared_distance(optimal) < squared_distance(independent));
}

TEST_CASE("optimal pairs of images, and of nothing") {
  const Tensor images = normal(random_key(4), Shape{12, 2, 3});
  const Pair pair = minibatch_ot_coupling(random_key(3), images);
  const Pair flat = minibatch_ot_coupling(random_key(3), reshape(images, Shape{12, 6}));
  CHECK(pair.x0.shape() == images.shape());
  CHECK(pair.x0.dtype() == DType::f32);
  CHECK(pair.x0.to_vector<float>() == flat.x0.to_vector<float>());
  CHECK(minibatch_ot_coupling(random_key(3), zeros(Shape{0, 2})).x0.shape() == Shape{0, 2});
}

}  // namespace nabla::flow
