#pragma once

#include <cstdint>

#include "engine/backend/variants.h"
#include "engine/graph/op.h"

namespace nabla::cpu {

/// Rows of `length` elements, `stride` apart; rows start `row_step` apart. All in elements.
struct RowsOperand {
  const void* elements;
  std::int64_t row_step, stride, length;
};

/// The loop of a primitive that works on rows as a whole: sum, reduce_max, reduce_min and logsumexp write one
/// element for each row, softmax a row, one behind the other. softmax may write over dense rows.
using RowsLoop = void (*)(void* out, const RowsOperand& x, std::int64_t rows);

/// The loop of a primitive for this type. @throws Error if the primitive does not know it.
Variants<RowsLoop> row_reduction(Op op, DType dtype);

}  // namespace nabla::cpu
