#pragma once

#include <string_view>

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// Smooth ones (all but relu) give a field whose Jacobian is continuous.
enum class Activation { identity, relu, tanh, silu, gelu, softplus };

/// Applies it element by element.
Tensor activate(Activation activation, const Tensor& x);
std::string_view name_of(Activation activation);
/// The inverse of name_of. @throws Error listing the names.
Activation activation_named(std::string_view name);

}  // namespace nabla::nn
