#include "flow/metrics/pairwise_distance.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/graph/evaluation.h"
#include "engine/ops/pointwise.h"
#include "flow/metrics/sample_set.h"

namespace nabla::flow {
namespace {

// Four running sums, so that the compiler may keep them in one vector without changing their order.
double squared_distance(const double* a, const double* b, std::int64_t dimensions) {
  double sums[4] = {};
  std::int64_t d = 0;
  for (; d + 4 <= dimensions; d += 4)
    for (int lane = 0; lane < 4; ++lane) {
      const double difference = a[d + lane] - b[d + lane];
      sums[lane] += difference * difference;
    }
  for (; d < dimensions; ++d) sums[0] += (a[d] - b[d]) * (a[d] - b[d]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

Tensor squared_distances(const Tensor& a, const Tensor& b) {
  require_sample_sets("squared_distances", a, b);
  const Tensor a64 = cast(a, DType::f64);
  const Tensor b64 = cast(b, DType::f64);
  Evaluation evaluation("squared_distances");
  const std::span<const double> rows = evaluation.reads(a64).data<double>();
  const std::span<const double> columns = evaluation.reads(b64).data<double>();
  const std::int64_t n = a.shape()[0];
  const std::int64_t m = b.shape()[0];
  const std::int64_t dimensions = a.shape()[1];
  std::vector<double> distances(static_cast<std::size_t>(n * m));
  // A block of b stays in the cache while all of a passes.
  const std::int64_t block = std::max<std::int64_t>(1, 16384 / dimensions);
  for (std::int64_t start = 0; start < m; start += block)
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = start; j < std::min(m, start + block); ++j)
        distances[static_cast<std::size_t>(i * m + j)] =
            squared_distance(rows.data() + i * dimensions, columns.data() + j * dimensions, dimensions);
  return evaluation.leaf(tensor<double>(distances, Shape{n, m}));
}

}  // namespace nabla::flow
