#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// A weight [inputs, outputs] with independent normal entries of variance gain^2 / inputs: with gain 1 a
/// product keeps the variance of what it is applied to (LeCun et al., "Efficient BackProp", 1998).
Tensor scaled_normal(const Tensor& key, std::int64_t inputs, std::int64_t outputs, double gain, DType dtype);

}  // namespace nabla::nn
