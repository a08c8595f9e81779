#include "flow/metrics/sliced_wasserstein.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "engine/ops/composed.h"
#include "engine/ops/contraction.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "flow/metrics/sample_set.h"

namespace nabla::flow {
namespace {

// The integral over q of the squared difference of the two quantile functions, which are steps 1/n and 1/m
// wide. Places are counted in units of 1 / (n m), so that common ends meet exactly.
double squared_w2(std::span<const double> a, std::span<const double> b) {
  const std::size_t n = a.size();
  const std::size_t m = b.size();
  double total = 0;
  std::size_t i = 0;
  std::size_t j = 0;
  std::size_t place = 0;
  while (i < n && j < m) {
    const std::size_t next = std::min((i + 1) * m, (j + 1) * n);
    const double difference = a[i] - b[j];
    total += static_cast<double>(next - place) * difference * difference;
    place = next;
    if (place == (i + 1) * m) ++i;
    if (place == (j + 1) * n) ++j;
  }
  return total / (static_cast<double>(n) * static_cast<double>(m));
}

}  // namespace

double sliced_wasserstein(const Tensor& key, const Tensor& a, const Tensor& b, std::int64_t projections) {
  require_sample_sets("sliced_wasserstein", a, b);
  if (projections < 1)
    throw Error("sliced_wasserstein: " + std::to_string(projections) +
                " projections; there must be at least one");
  const Tensor normals = normal(key, Shape{projections, a.shape()[1]}, DType::f64);
  const Tensor directions = normals / norm(normals, {-1}, /*keep_axes=*/true);
  const auto projected = [&](const Tensor& x) {
    return sort(matmul(directions, transpose(cast(x, DType::f64))));  // [projections, n]
  };
  const Tensor on_a = projected(a);
  const Tensor on_b = projected(b);
  const std::size_t n = a.shape()[0];
  const std::size_t m = b.shape()[0];
  double total = 0;
  for (std::size_t p = 0; p < static_cast<std::size_t>(projections); ++p)
    total += squared_w2(on_a.data<double>().subspan(p * n, n), on_b.data<double>().subspan(p * m, m));
  return std::sqrt(total / static_cast<double>(projections));
}

}  // namespace nabla::flow
