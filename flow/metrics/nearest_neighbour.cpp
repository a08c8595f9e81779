#include "flow/metrics/nearest_neighbour.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
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

// Mean over samples of the share of their nearest neighbours that are of their own set.
double own_share(const Tensor& within, const Tensor& across) {
  const std::size_t n = static_cast<std::size_t>(within.shape()[0]);
  const std::size_t m = static_cast<std::size_t>(across.shape()[1]);
  const std::span<const double> own = within.data<double>();
  const std::span<const double> other = across.data<double>();
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    Nearest in_own;
    for (std::size_t j = 0; j < n; ++j)
      if (j != i) in_own.see(own[i * n + j]);
    Nearest in_other;
    for (std::size_t j = 0; j < m; ++j) in_other.see(other[i * m + j]);
    if (in_own.distance < in_other.distance) total += 1;
    if (in_own.distance == in_other.distance) total += in_own.count / (in_own.count + in_other.count);
  }
  return total / static_cast<double>(n);
}

}  // namespace

NearestNeighbourAccuracy nearest_neighbour_accuracy(const Tensor& a, const Tensor& b) {
  require_sample_sets("nearest_neighbour_accuracy", a, b);
  if (a.shape()[0] != b.shape()[0])
    throw Error("nearest_neighbour_accuracy: sets " + to_string(a.shape()) + " and " + to_string(b.shape()) +
                " must have the same size");
  const Tensor across = squared_distances(a, b);
  const double first = own_share(squared_distances(a, a), across);
  const double second = own_share(squared_distances(b, b), transpose(across));
  return {(first + second) / 2, first, second};
}

std::vector<double> nearest_distances(const Tensor& samples, const Tensor& reference) {
  return sqrt(reduce_min(squared_distances(samples, reference), {-1})).to_vector<double>();
}

}  // namespace nabla::flow
