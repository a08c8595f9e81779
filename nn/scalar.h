#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// A leaf of one element, by default of rank 0, for a number that changes from step to step. As a leaf it
/// keeps the graph the same every time, which a literal would not.
/// @throws Error if `dtype` is neither f32 nor f64, or `shape` has more or fewer elements than one.
Tensor scalar_leaf(double value, DType dtype, const Shape& shape = {});

}  // namespace nabla::nn
