#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// A weight [inputs, outputs] with independent normal entries of variance gain^2 / inputs: with gain 1 a
/// product keeps the variance of what it is applied to (LeCun et al., "Efficient BackProp", 1998).
Tensor scaled_normal(const Tensor& key, std::int64_t inputs, std::int64_t outputs, double gain, DType dtype);

/// Independent entries, uniform between -1 and 1 over the root of `fan_in`, the number of terms that are
/// added up: what PyTorch's linear and convolutional layers start with (kaiming_uniform_ with a = sqrt 5, He
/// et al., arXiv 1502.01852). @throws Error for a fan_in below 1.
Tensor fan_in_uniform(const Tensor& key, const Shape& shape, std::int64_t fan_in, DType dtype);

/// A weight [outputs, inputs] with independent entries, uniform between -1 and 1 times
/// sqrt(6 / (inputs + outputs)) (Glorot and Bengio, "Understanding the difficulty of training deep
/// feedforward neural networks", 2010, equation 16). @throws Error for another rank, or no elements.
Tensor fan_average_uniform(const Tensor& key, const Shape& shape, DType dtype);

}  // namespace nabla::nn
