#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// The sliced Wasserstein distance of two sets of samples a [n, D] and b [m, D] (Bonneel et al. 2015): the
/// root of the mean of the squared W2 of their projections on `projections` random directions of length 1,
/// drawn from `key`. Each W2 is exact, also for n != m. A shift of one set by d adds about |d|^2 / D to the
/// square. Give it beside the distance of two sets of real data of the same sizes, which is not 0.
/// @throws Error if shapes do not fit, a set is empty, a number is not finite or projections < 1.
double sliced_wasserstein(const Tensor& key, const Tensor& a, const Tensor& b,
                          std::int64_t projections = 256);

}  // namespace nabla::flow
