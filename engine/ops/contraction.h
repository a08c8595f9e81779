#pragma once

#include <string_view>
#include "engine/tensor/axes.h"
#include "engine/tensor/tensor.h"

namespace nabla {

/// The one product: out = sum over `summed` axes of a * b, for operands of equal rank whose extents are equal
/// or 1. The extents type the axes: both n is batch, n and 1 belongs to a alone (m), 1 and n to b alone (n),
/// and the axes named in `summed` (from either side) are summed and stay with extent 1. Being closed under
/// its own transposes, it needs no permutation in a derivative, and sums over leading axes fold into the same
/// product.
/// @throws Error naming shapes and types that do not fit.
Tensor contraction(const Operand& a, const Operand& b, const Axes& summed);

/// a:[.., m, k] times b:[.., k, n] -> [.., m, n]; leading axes broadcast. Rank 1 operands are a row and a
/// column, and their axis is dropped from the result.
Tensor matmul(const Operand& a, const Operand& b);

/// Einstein summation of one or two operands: einsum("bi,ij->bj", x, w). Letters name axes; a letter that is
/// missing in the result is summed. A letter may not stand twice in one operand.
Tensor einsum(std::string_view formula, const Operand& a, const Operand& b);
Tensor einsum(std::string_view formula, const Operand& a);

}  // namespace nabla
