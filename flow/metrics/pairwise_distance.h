#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// Squared Euclidean distances |a_i - b_j|^2 of samples a [n, D] and b [m, D], f32 or f64: [n, m] f64. From
/// differences in f64, so that equal samples are at distance 0 and ties are ties.
/// @throws Error if shapes do not fit, a set is empty or a number is not finite.
Tensor squared_distances(const Tensor& a, const Tensor& b);

}  // namespace nabla::flow
