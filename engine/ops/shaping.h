#pragma once

#include <vector>

#include "engine/tensor/axes.h"
#include "engine/tensor/tensor.h"

// Operators that move elements without computing. Axes are written from either side (0 outermost, -1
// innermost).
// @throws Error naming the operator and the shape for axes or extents that do not exist.

namespace nabla {

/// Inserts axes of extent 1, named by their place in the OUTPUT, counted from the right (-1 is the new
/// innermost).
Tensor insert_axes(const Operand& x, Axes axes);
/// Removes axes of extent 1.
Tensor drop_axes(const Operand& x, const Axes& axes);
/// Same elements in row-major order; one extent may be -1 and is then inferred.
Tensor reshape(const Operand& x, const std::vector<std::int64_t>& shape);
Tensor reshape(const Operand& x, const Shape& shape);
/// Output axis i is input axis order[i].
Tensor permute(const Operand& x, const Axes& order);
/// Swaps two axes; the last two by default.
Tensor transpose(const Operand& x, int a = -1, int b = -2);
/// Repeats axes of extent 1, and new outermost axes, to reach `shape`.
Tensor broadcast_to(const Operand& x, const Shape& shape);
/// Entries start, start+step, .. below stop of one axis; negative bounds count from the end. step >= 1.
Tensor slice(const Operand& x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1);
/// Zeros before and after one axis, and `interior` zeros between neighbours.
Tensor pad(const Operand& x, int axis, std::int64_t before, std::int64_t after, std::int64_t interior = 0);
/// Joins tensors along one axis; on the others extents are equal, or 1 and broadcast.
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
