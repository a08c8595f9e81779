#pragma once

#include <memory>

#include "engine/backend/cpu/contraction_axes.h"
#include "engine/tensor/buffer.h"

namespace nabla::cpu {

/// An operand as matrices that a product accepts: one stride is 1, the other positive. An operand whose rows
/// or columns do not walk as one is copied, by all threads; `copy` holds the memory then.
template <class T>
OperandMatrices<T> operand_matrices(const T* data, const ContractionAxes& batch, const ContractionAxes& rows,
                                    const ContractionAxes& columns, AxisStride operand,
                                    std::unique_ptr<Buffer>& copy);

}  // namespace nabla::cpu
