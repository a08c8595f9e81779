#pragma once

#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// Share of samples whose nearest other sample, of both sets, belongs to their own set. Only sets of one law
/// have .5 in both parts. The mean alone does not tell: samples with visible noise, between which the real
/// ones lie closer together, have a real neighbour each (0) and are the neighbour of none (1), .5 overall.
struct NearestNeighbourAccuracy {
  double overall;  ///< mean of both parts: 1 if the sets are apart, 0 if one copies the other
  double first;    ///< among samples of the first set
  double second;   ///< among samples of the second
};

/// Leave-one-out accuracy of the 1-nearest-neighbour two-sample test (Lopez-Paz and Oquab, arXiv 1610.06545)
/// of a [n, D] and b [n, D]. Of several neighbours at the same distance each counts in equal parts.
/// @throws Error if shapes do not fit, the sets differ in size (.5 would not be ideal), are empty or hold a
/// number that is not finite.
NearestNeighbourAccuracy nearest_neighbour_accuracy(const Tensor& a, const Tensor& b);

/// Euclidean distance of each sample [n, D] to the nearest of `reference` [m, D]: n numbers. Generated
/// samples much nearer to the training set than held-out data are copies.
/// @throws Error if shapes do not fit, a set is empty or a number is not finite.
std::vector<double> nearest_distances(const Tensor& samples, const Tensor& reference);

}  // namespace nabla::flow
