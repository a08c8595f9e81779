#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/graph/primitive.h"

namespace nabla::cuda {

/// What a pointwise primitive makes of operands with these names and types, with the functions of preamble():
/// the bits of the CPU, but for transcendental functions.
/// @throws Error if the primitive does not know the types.
std::string pointwise_expression(const Primitive& primitive, std::span<const std::string> operands,
                                 std::span<const DType> types, DType result);

}  // namespace nabla::cuda
