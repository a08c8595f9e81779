#include "flow/time_grid.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/tensor/error.h"

namespace nabla::flow {

TEST_CASE("an even grid runs from end to end") {
  CHECK(time_grid(0, 1, 4) == std::vector<double>{0, 0.25, 0.5, 0.75, 1});
  CHECK(time_grid(1, 0, 2) == std::vector<double>{1, 0.5, 0});
  CHECK_THROWS_WITH_AS(time_grid(0, 1, 0), doctest::Contains("at least one"), Error);
}

TEST_CASE("a graded grid has shorter steps towards data, in both directions") {
  const std::vector<double> forward = graded_grid(0, 1, 4, 2);
  CHECK(forward == std::vector<double>{0, 1 - 0.5625, 0.75, 0.9375, 1});
  const std::vector<double> backward = graded_grid(1, 0, 4, 2);
  CHECK(std::vector<double>(backward.rbegin(), backward.rend()) == forward);

  const std::vector<double> part = graded_grid(0.1, 0.9, 10, 3);
  CHECK(part.size() == 11);
  CHECK(part.front() == 0.1);
  CHECK(part.back() == 0.9);
  for (std::size_t i = 1; i + 1 < part.size(); ++i) CHECK(part[i + 1] - part[i] < part[i] - part[i - 1]);

  const std::vector<double> even = graded_grid(0, 1, 8, 1);
  for (std::size_t i = 0; i < even.size(); ++i)
    CHECK(even[i] == doctest::Approx(static_cast<double>(i) / 8).epsilon(1e-15));
}

TEST_CASE("a graded grid refuses what it cannot grade") {
  CHECK_THROWS_WITH_AS(graded_grid(0, 1, 0, 2), doctest::Contains("at least one"), Error);
  CHECK_THROWS_WITH_AS(graded_grid(0, 1, 4, 0.5), doctest::Contains("power 0.5"), Error);
  CHECK_THROWS_WITH_AS(graded_grid(0, 1.5, 4, 2), doctest::Contains("above 1"), Error);
  CHECK_THROWS_AS(graded_grid(std::numeric_limits<double>::quiet_NaN(), 1, 4, 2), Error);
}

}  // namespace nabla::flow
