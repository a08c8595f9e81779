#pragma once

#include <span>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// Times, one per sample, as a leaf [B, 1] of type f32 or f64.
Tensor per_sample_times(std::span<const double> times, DType dtype);

/// Numbers, one per sample, as a leaf [B, 1, ..] of the rank (2 at least) and type of x.
Tensor per_sample_factor(std::span<const double> numbers, const Tensor& x);

}  // namespace nabla::flow
