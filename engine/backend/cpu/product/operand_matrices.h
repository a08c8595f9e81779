#pragma once

#include <memory>

#include "engine/backend/contraction_axes.h"
#include "engine/backend/cpu/product/matmul.h"
#include "engine/tensor/buffer.h"

namespace nabla::cpu {

/// Matrices that lie in memory one per batch index: an operand of a product.
template <class T>
struct OperandMatrices {
  const T* data;
  Walk<1> batch;
  MatrixStrides strides;

  std::int64_t offset(std::int64_t index) const { return batch.offset(index, 0); }
};

/// An operand as matrices that a product accepts: one stride is 1, the other positive. An operand whose rows
/// or columns do not walk as one is copied, by all threads; `copy` holds the memory then.
template <class T>
OperandMatrices<T> operand_matrices(const T* data, const ContractionWalk& batch, const ContractionWalk& rows,
                                    const ContractionWalk& columns, std::size_t operand,
                                    std::unique_ptr<Buffer>& copy);

/// The product of each batch, for operands with these strides.
MatmulShape product_shape(const ContractionRoles& roles, const MatrixStrides& left,
                          const MatrixStrides& right);

}  // namespace nabla::cpu
