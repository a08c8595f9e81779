#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

// Matrices on the last two axes; leading axes are kept, or broadcast between two operands. All are
// compositions of primitives: their derivatives follow from their parts.
// @throws Error naming the operator and the shape where there are too few axes.

namespace nabla {

/// Elements (i, i + offset) of each matrix: [.., m, n] -> [.., k], a view.
/// @throws Error also for a diagonal that lies outside of the matrix.
Tensor diagonal(const Operand& x, std::int64_t offset = 0);
/// The smallest square matrices with x on their diagonal and zeros elsewhere: [.., k] -> [.., k + |offset|,
/// k + |offset|].
Tensor diagonal_matrix(const Operand& x, std::int64_t offset = 0);
/// Sum of the diagonal: [.., m, n] -> [..].
Tensor trace(const Operand& x);
/// x on and below the diagonal of this offset, zeros above it.
Tensor tril(const Operand& x, std::int64_t offset = 0);
/// x on and above the diagonal of this offset, zeros below it.
Tensor triu(const Operand& x, std::int64_t offset = 0);
/// Products of every element of a with every one of b: [.., m] and [.., n] -> [.., m, n].
Tensor outer(const Operand& a, const Operand& b);
/// Kronecker products: [.., m, n] and [.., p, q] -> [.., m p, n q].
Tensor kron(const Operand& a, const Operand& b);

}  // namespace nabla
