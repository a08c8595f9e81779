#include "flow/metrics/precision_recall.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "flow/metrics/pairwise_distance.h"
#include "flow/metrics/sample_set.h"

namespace nabla::flow {
namespace {

void require_neighbours(const char* what, const Tensor& real, const Tensor& generated, std::int64_t k) {
  require_sample_sets(what, real, generated);
  if (k < 1 || k >= real.shape()[0] || k >= generated.shape()[0])
    throw Error(std::string(what) + ": " + std::to_string(k) + " neighbours in sets " +
                to_string(real.shape()) + " and " + to_string(generated.shape()) +
                "; there must be at least one, and more samples");
}

// Of every sample of a the number of balls around the samples of b that it is in.
std::vector<double> balls_around(const Tensor& a, const Tensor& b, std::span<const double> squared_radii) {
  std::vector<double> counts(a.shape()[0]);
  for_each_row_of_distances(a, b, [&](std::int64_t i, std::span<const double> squared) {
    counts[i] = std::inner_product(squared.begin(), squared.end(), squared_radii.begin(), 0.0, std::plus<>(),
                                   std::less_equal<>());
  });
  return counts;
}

double mean_of(std::span<const double> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0) / static_cast<double>(numbers.size());
}

// Share of the samples of a that are in a ball around one of b.
double covered(const Tensor& a, const Tensor& b, std::int64_t k) {
  std::vector<double> balls = balls_around(a, b, squared_neighbour_distances(b, k));
  for (double& count : balls) count = std::min(count, 1.0);
  return mean_of(balls);
}

}  // namespace

PrecisionRecall precision_recall(const Tensor& real, const Tensor& generated, std::int64_t k) {
  require_neighbours("precision_recall", real, generated, k);
  return {covered(generated, real, k), covered(real, generated, k)};
}

DensityCoverage density_coverage(const Tensor& real, const Tensor& generated, std::int64_t k) {
  require_neighbours("density_coverage", real, generated, k);
  const std::vector<double> radii = squared_neighbour_distances(real, k);
  const double density = mean_of(balls_around(generated, real, radii)) / static_cast<double>(k);
  std::vector<double> reached(radii.size());
  for_each_row_of_distances(real, generated, [&](std::int64_t i, std::span<const double> squared) {
    const std::size_t row = i;
    reached[row] = std::ranges::min(squared) <= radii[row] ? 1 : 0;
  });
  return {density, mean_of(reached)};
}

}  // namespace nabla::flow
