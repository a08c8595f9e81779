#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// A leaf of rank 0, for a number that changes from step to step. As a leaf it keeps the graph the same every
/// time, which a literal would not. `dtype` is f32 or f64.
Tensor scalar_leaf(double value, DType dtype);

}  // namespace nabla::nn
