#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/tensor/tensor.h"

// Squared Euclidean distances |a_i - b_j|^2 of samples a [n, D] and b [m, D], f32 or f64. From differences in
// f64, so that equal samples are at distance 0 and ties are ties. Never more than a few rows of the n x m
// numbers are in memory at once; rows are shared among threads, with the same results for any number of them.
// @throws Error if shapes do not fit, a set is empty or a number is not finite.

namespace nabla::flow {

/// Called once for every i with its distances to all of b: [m]. Calls for different i may run at the same
/// time.
using RowOfDistances = std::function<void(std::int64_t i, std::span<const double> squared)>;
void for_each_row_of_distances(const Tensor& a, const Tensor& b, const RowOfDistances& row);

/// The squared distance of each sample of x [n, D] to its k-th nearest other one: n numbers. 1 <= k < n.
std::vector<double> squared_neighbour_distances(const Tensor& x, std::int64_t k);

}  // namespace nabla::flow
