#pragma once

#include <cstdint>

#include "engine/backend/variants.h"
#include "engine/graph/op.h"
#include "engine/tensor/dtype.h"

namespace nabla::cpu {

/// `width` columns side by side, of `length` >= 1 elements `stride` apart. In elements.
struct ColumnsOperand {
  const void* elements;
  std::int64_t stride, length, width;
};
/// Columns that a loop takes at most.
inline constexpr std::int64_t kMostColumns = 64;
/// With fewer, one column after the other costs less.
inline constexpr std::int64_t kFewestColumns = 8;

/// The loop of a primitive that works on whole columns: reduce_max, reduce_min and logsumexp write one
/// element for each, softmax columns whose elements lie `out_stride` apart. To the bit what row_reductions.h
/// makes of each of them (of zeros of both signs an extreme may be the other one).
using ColumnsLoop = void (*)(void* out, std::int64_t out_stride, const ColumnsOperand& x);

/// The loop for this type and instruction set; null if there is none.
ColumnsLoop column_reduction(Op op, DType dtype, InstructionSet set);

}  // namespace nabla::cpu
