#pragma once

#include <vector>

#include "engine/tensor/axes.h"
#include "engine/tensor/tensor.h"

// Operators that give the same elements other axes. Axes are written from either side (0 outermost, -1
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
Tensor reshape(const Operand& x, std::initializer_list<std::int64_t> shape);
Tensor reshape(const Operand& x, const Shape& shape);
/// Output axis i is input axis order[i].
Tensor permute(const Operand& x, const Axes& order);
/// Swaps two axes; the last two by default.
Tensor transpose(const Operand& x, int a = -1, int b = -2);
/// Repeats axes of extent 1, and new outermost axes, to reach `shape`.
Tensor broadcast_to(const Operand& x, const Shape& shape);

}  // namespace nabla
