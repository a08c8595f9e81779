#pragma once

#include <cstdint>
#include <span>

#include "engine/backend/variants.h"
#include "engine/graph/primitive.h"

namespace nabla::cpu {

/// The loop of one pointwise primitive over a run: out[i] = f(operands[0][i * strides[0]], ..). Strides count
/// elements.
using PointwiseRow = void (*)(void* out, const void* const* operands, const std::int64_t* strides,
                              std::int64_t count);

/// The loop of a primitive for these types. @throws Error if the primitive does not know them.
Variants<PointwiseRow> pointwise_row(const Primitive& primitive, std::span<const DType> operands,
                                     DType result);

}  // namespace nabla::cpu
