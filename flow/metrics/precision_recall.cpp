#include "flow/metrics/precision_recall.h"

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/ops/shaping.h"
#include "flow/metrics/pairwise_distance.h"
#include "flow/metrics/sample_set.h"

namespace nabla::flow {
namespace {

// The squared distance of each sample to its k-th nearest other one.
std::vector<double> squared_radii(const Tensor& x, std::int64_t k) {
  const Tensor distances = squared_distances(x, x);
  const std::size_t n = static_cast<std::size_t>(x.shape()[0]);
  std::vector<double> radii;
  for (std::size_t i = 0; i < n; ++i) {
    const std::span<const double> row = distances.data<double>().subspan(i * n, n);
    std::vector<double> others(row.begin(), row.end());
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const auto kth = others.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(others.begin(), kth, others.end());
    radii.push_back(*kth);
  }
  return radii;
}

// Share of the rows of distances [n, m] that are within the radius of a column.
double covered(const Tensor& distances, const std::vector<double>& radii) {
  const std::size_t n = static_cast<std::size_t>(distances.shape()[0]);
  const std::size_t m = radii.size();
  std::size_t inside = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::span<const double> row = distances.data<double>().subspan(i * m, m);
    inside += std::equal(row.begin(), row.end(), radii.begin(), std::greater<>()) ? 0 : 1;
  }
  return static_cast<double>(inside) / static_cast<double>(n);
}

}  // namespace

PrecisionRecall precision_recall(const Tensor& real, const Tensor& generated, std::int64_t k) {
  require_sample_sets("precision_recall", real, generated);
  if (k < 1 || k >= real.shape()[0] || k >= generated.shape()[0])
    throw Error("precision_recall: " + std::to_string(k) + " neighbours in sets " + to_string(real.shape()) +
                " and " + to_string(generated.shape()) + "; there must be at least one, and more samples");
  const Tensor distances = squared_distances(generated, real);
  return {covered(distances, squared_radii(real, k)),
          covered(transpose(distances), squared_radii(generated, k))};
}

}  // namespace nabla::flow
