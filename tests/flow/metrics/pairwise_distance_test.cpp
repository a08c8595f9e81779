#include "flow/metrics/pairwise_distance.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <limits>

#include "engine/backend/threads.h"
#include "engine/engine.h"

namespace nabla::flow {
namespace {

std::vector<std::vector<double>> rows_of(const Tensor& a, const Tensor& b) {
  std::vector<std::vector<double>> rows(a.shape()[0]);
  for_each_row_of_distances(
      a, b, [&](std::int64_t i, std::span<const double> row) { rows[i].assign(row.begin(), row.end()); });
  return rows;
}

}  // namespace

TEST_CASE("squared distances are those of the definition, and 0 between equal samples") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const std::int64_t dimensions : {1, 3, 4, 7, 20000}) {
      CAPTURE(dimensions);
      const Tensor a = normal(random_key(1), Shape{5, dimensions}, dtype) + 1000;
      const Tensor b = normal(random_key(2), Shape{7, dimensions}, dtype) + 1000;
      const Tensor difference = insert_axes(cast(a, DType::f64), {-2}) - cast(b, DType::f64);
      const std::vector<double> expected = sum(square(difference), {-1}).to_vector<double>();
      const auto rows = rows_of(a, b), self = rows_of(a, a);
      for (std::size_t i = 0; i < 5; ++i) {
        CHECK(rows[i].size() == 7);
        for (std::size_t j = 0; j < 7; ++j) CHECK(std::abs(rows[i][j] / expected[i * 7 + j] - 1) < 1e-13);
        CHECK(self[i][i] == 0);
      }
    }
}

TEST_CASE("distances come a row at a time, the same for any number of threads") {
  const Tensor a = normal(random_key(1), Shape{300, 2}), b = normal(random_key(2), Shape{70000, 2});
  const auto nearest = [&](int threads) {
    set_thread_count(threads);
    std::vector<double> found(300);
    std::atomic<std::int64_t> calls = 0;
    for_each_row_of_distances(a, b, [&](std::int64_t i, std::span<const double> row) {
      ++calls;
      found[i] = *std::min_element(row.begin(), row.end());
    });
    CHECK(calls == 300);
    return found;
  };
  const int before = thread_count();
  const std::vector<double> alone = nearest(1), together = nearest(4);
  set_thread_count(before);
  CHECK(alone == together);
}

TEST_CASE("the distance to the k-th nearest other sample") {
  const Tensor x = tensor<double>({0, 1, 4, 4}, Shape{4, 1});
  CHECK(squared_neighbour_distances(x, 1) == std::vector<double>{1, 1, 0, 0});
  CHECK(squared_neighbour_distances(x, 3) == std::vector<double>{16, 9, 16, 16});
  CHECK_THROWS_WITH_AS(squared_neighbour_distances(x, 4), doctest::Contains("4 neighbours in a set [4, 1]"),
                       Error);
}

TEST_CASE("sets that are none are refused") {
  const Tensor a = ones(Shape{2, 3});
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(rows_of(a, ones(Shape{2, 4})), doctest::Contains("[2, 3] and [2, 4]"), Error);
  CHECK_THROWS_WITH_AS(rows_of(ones(Shape{2}), a), doctest::Contains("[n, D]"), Error);
  CHECK_THROWS_WITH_AS(rows_of(a, ones(Shape{0, 3})), doctest::Contains("[0, 3]"), Error);
  CHECK_THROWS_WITH_AS(rows_of(a, ones(Shape{2, 3}, DType::i64)), doctest::Contains("i64"), Error);
  CHECK_THROWS_WITH_AS(rows_of(a * inf, a), doctest::Contains("finite"), Error);
}

}  // namespace nabla::flow
