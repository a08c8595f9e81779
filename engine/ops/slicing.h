#pragma once

#include <vector>

#include "engine/tensor/tensor.h"

// Operators that cut, pad, join and reverse along one axis, written from either side (0 outermost, -1
// innermost).
// @throws Error naming the operator and the shape for axes, ranges or extents that do not exist.

namespace nabla {

/// Entries start, start+step, .. below stop of one axis; negative bounds count from the end. step >= 1.
Tensor slice(const Operand& x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
/// Zeros before and after one axis, and `interior` zeros between neighbours.
Tensor pad(const Operand& x, int axis, std::int64_t before, std::int64_t after, std::int64_t interior = 0);
/// Joins tensors along one axis; all other extents are equal.
Tensor concatenate(const std::vector<Tensor>& parts, int axis,
                   std::source_location where = std::source_location::current());
/// Reverses one axis.
Tensor flip(const Operand& x, int axis);
/// Joins tensors of equal shape along a new axis.
Tensor stack(const std::vector<Tensor>& parts, int axis = 0,
             std::source_location where = std::source_location::current());
/// Cuts one axis into pieces of the given extents.
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& extents, int axis);

}  // namespace nabla
