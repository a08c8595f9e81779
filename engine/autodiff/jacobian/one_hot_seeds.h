#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

namespace nabla {

/// Directions start .. stop-1 of the standard basis of samples [*S], shared by all samples along `batch`
/// axes: [stop - start, 1.., *S].
Tensor one_hot_seeds(std::int64_t start, std::int64_t stop, const Shape& sample, DType dtype, int batch = 1);

/// How many directions may be pushed at once so that the tangents of the widest node between x and y take no
/// more than `bytes`: 1 at least, `directions` at most.
std::int64_t seeds_at_once(const Tensor& y, const Tensor& x, std::int64_t directions, std::int64_t bytes);

}  // namespace nabla
