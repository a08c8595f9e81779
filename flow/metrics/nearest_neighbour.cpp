#include "flow/metrics/nearest_neighbour.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "flow/metrics/pairwise_distance.h"
#include "flow/metrics/sample_set.h"

namespace nabla::flow {
namespace {

// The smallest of some distances and how often it occurs.
struct Nearest {
  double distance = std::numeric_limits<double>::infinity();
  double count = 0;

  void see(double other) {
    if (other < distance) *this = {other, 0};
    if (other == distance) ++count;
  }
};

// Of every sample of a the nearest of b, which may be a itself: then others than the sample.
std::vector<Nearest> nearest_of(const Tensor& a, const Tensor& b, bool itself) {
  std::vector<Nearest> nearest_to(a.shape()[0]);
  for_each_row_of_distances(a, b, [&](std::int64_t i, std::span<const double> squared) {
    Nearest& nearest = nearest_to[i];
    for (std::size_t j = 0; j < squared.size(); ++j)
      if (!itself || j != static_cast<std::size_t>(i)) nearest.see(squared[j]);
  });
  return nearest_to;
}

// Mean over samples of the share of their nearest neighbours that are of their own set.
double own_share(const Tensor& own, const Tensor& other) {
  const std::vector<Nearest> within = nearest_of(own, own, /*itself=*/true);
  const std::vector<Nearest> across = nearest_of(own, other, /*itself=*/false);
  double total = 0;
  for (std::size_t i = 0; i < within.size(); ++i) {
    if (within[i].distance < across[i].distance) total += 1;
    if (within[i].distance == across[i].distance)
      total += within[i].count / (within[i].count + across[i].count);
  }
  return total / static_cast<double>(within.size());
}

}  // namespace

NearestNeighbourAccuracy nearest_neighbour_accuracy(const Tensor& a, const Tensor& b) {
  require_sample_sets("nearest_neighbour_accuracy", a, b);
  if (a.shape()[0] != b.shape()[0])
    throw Error("nearest_neighbour_accuracy: sets " + to_string(a.shape()) + " and " + to_string(b.shape()) +
                " must have the same size");
  const double first = own_share(a, b), second = own_share(b, a);
  return {(first + second) / 2, first, second};
}

std::vector<double> nearest_distances(const Tensor& samples, const Tensor& reference) {
  require_sample_sets("nearest_distances", samples, reference);
  std::vector<double> distances;
  for (const Nearest& nearest : nearest_of(samples, reference, /*itself=*/false))
    distances.push_back(std::sqrt(nearest.distance));
  return distances;
}

}  // namespace nabla::flow
