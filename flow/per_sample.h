#pragma once

#include <span>

#include "engine/tensor/axes.h"
#include "engine/tensor/tensor.h"

// Numbers that differ from sample to sample, beside samples x [B, *S] of rank 2 at least.

namespace nabla::flow {

/// Times, one per sample, as a leaf [B, 1] of type f32 or f64.
Tensor per_sample_times(std::span<const double> times, DType dtype);

/// Numbers, one per sample, as a leaf [B, 1, ..] of the rank and type of x.
Tensor per_sample_factor(std::span<const double> numbers, const Tensor& x);

/// The axes of x that hold the elements of a sample: all but the outermost.
Axes element_axes(const Tensor& x);

}  // namespace nabla::flow
