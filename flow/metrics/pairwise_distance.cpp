#include "flow/metrics/pairwise_distance.h"

#include <algorithm>
#include <string>

#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/ops/pointwise.h"
#include "flow/metrics/sample_set.h"

namespace nabla::flow {
namespace {

// Four running sums, so that the compiler may keep them in vectors without changing their order.
template <class T>
double squared_distance(const T* a, const T* b, std::int64_t dimensions) {
  double sums[4] = {};
  std::int64_t d = 0;
  for (; d + 4 <= dimensions; d += 4)
    for (int lane = 0; lane < 4; ++lane) {
      const double difference = static_cast<double>(a[d + lane]) - static_cast<double>(b[d + lane]);
      sums[lane] += difference * difference;
    }
  for (; d < dimensions; ++d) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sums[0] += difference * difference;
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

template <class T>
void visit_rows(const Tensor& a, const Tensor& b, const RowOfDistances& row) {
  const T* rows = a.data<T>().data();
  const T* columns = b.data<T>().data();
  const std::int64_t n = a.shape()[0], m = b.shape()[0], dimensions = a.shape()[1];
  // The distances of a task take some 4 MB, and a block of b stays in the cache while its rows pass.
  const std::int64_t at_once = std::clamp<std::int64_t>((std::int64_t{1} << 19) / m, 1, 64);
  const std::int64_t block = std::max<std::int64_t>(1, 16384 / dimensions);
  cpu::parallel_for((n + at_once - 1) / at_once, [&](std::int64_t task) {
    const std::int64_t first = task * at_once, last = std::min(n, first + at_once);
    std::vector<double> distances((last - first) * m);
    for (std::int64_t start = 0; start < m; start += block)
      for (std::int64_t i = first; i < last; ++i)
        for (std::int64_t j = start; j < std::min(m, start + block); ++j)
          distances[(i - first) * m + j] =
              squared_distance(rows + i * dimensions, columns + j * dimensions, dimensions);
    for (std::int64_t i = first; i < last; ++i)
      row(i, std::span(distances).subspan(static_cast<std::size_t>((i - first) * m),
                                          static_cast<std::size_t>(m)));
  });
}

}  // namespace

void for_each_row_of_distances(const Tensor& a, const Tensor& b, const RowOfDistances& row) {
  require_sample_sets("for_each_row_of_distances", a, b);
  if (a.dtype() == DType::f32 && b.dtype() == DType::f32)
    visit_rows<float>(a, b, row);
  else
    visit_rows<double>(cast(a, DType::f64), cast(b, DType::f64), row);
}

std::vector<double> squared_neighbour_distances(const Tensor& x, std::int64_t k) {
  if (k < 1 || k >= x.shape()[0])
    throw Error("squared_neighbour_distances: " + std::to_string(k) + " neighbours in a set " +
                to_string(x.shape()) + "; there must be at least one, and more samples");
  std::vector<double> distances(x.shape()[0]);
  for_each_row_of_distances(x, x, [&](std::int64_t i, std::span<const double> row) {
    std::vector<double> others(row.begin(), row.end());
    others.erase(others.begin() + i);
    const auto kth = others.begin() + (k - 1);
    std::nth_element(others.begin(), kth, others.end());
    distances[i] = *kth;
  });
  return distances;
}

}  // namespace nabla::flow
