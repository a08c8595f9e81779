#pragma once

#include <string_view>

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// A weight [outputs, inputs] with independent normal entries of variance gain^2 / inputs: with gain 1 a
/// product keeps the variance of what it is applied to (LeCun et al., "Efficient BackProp", 1998).
Tensor scaled_normal(const Tensor& key, std::int64_t inputs, std::int64_t outputs, double gain, DType dtype);

/// Independent entries, uniform between -1 and 1 over the root of `fan_in`, the number of terms that are
/// added up: what PyTorch's linear and convolutional layers start with (kaiming_uniform_ with a = sqrt 5, He
/// et al., arXiv 1502.01852). @throws Error for a fan_in below 1.
Tensor fan_in_uniform(const Tensor& key, const Shape& shape, std::int64_t fan_in, DType dtype);

/// Initial values by the names that PyTorch and JAX have for them. A weight is [outputs, inputs, *window], as
/// PyTorch's linear and convolutional layers have it; fan_in is the number of elements under one output,
/// fan_out that under one input. Normal numbers are not truncated, as in PyTorch (JAX truncates those of a
/// variance).
enum class Initialiser {
  zeros,
  ones,
  xavier_uniform,    ///< glorot_uniform: between -+sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio,
                     ///< "Understanding the difficulty of training deep feedforward neural networks", 2010,
                     ///< equation 16)
  xavier_normal,     ///< glorot_normal: of variance 2 / (fan_in + fan_out)
  kaiming_uniform,   ///< he_uniform, for relu: between -+sqrt(6 / fan_in) (He et al., arXiv 1502.01852)
  kaiming_normal,    ///< he_normal, for relu: of variance 2 / fan_in
  lecun_uniform,     ///< between -+sqrt(3 / fan_in) (LeCun et al., "Efficient BackProp", 1998)
  lecun_normal,      ///< of variance 1 / fan_in
  truncated_normal,  ///< standard normal, drawn again beyond -2 and 2; of any shape
  orthogonal,  ///< as [outputs, inputs window], orthonormal rows, or columns where there are fewer (Saxe,
               ///< McClelland and Ganguli, arXiv 1312.6120), uniformly distributed
};

/// The initial value of a parameter. Truncated and orthogonal ones are computed when this is called.
/// @throws Error for a weight that is empty or, but for zeros, ones and truncated_normal, of less than two
/// axes, and a type that is not floating.
Tensor initial_value(Initialiser initialiser, const Tensor& key, const Shape& shape,
                     DType dtype = DType::f32);
std::string_view name_of(Initialiser initialiser);
/// The inverse of name_of. @throws Error listing the names.
Initialiser initialiser_named(std::string_view name);

}  // namespace nabla::nn
