#pragma once

#include <cstdint>
#include <source_location>
#include <vector>

#include "engine/tensor/tensor.h"

// Elements in another arrangement. All are compositions of primitives: their derivatives follow from their
// parts. Axes are written from either side (0 outermost, -1 innermost).
// @throws Error naming the operator and the shape for axes that do not exist.

namespace nabla {

/// Moves every element `shift` places along the axis; what leaves it at one end enters at the other.
Tensor roll(const Operand& x, std::int64_t shift, int axis);
/// Every element `count` times along the axis, copies side by side (torch.repeat_interleave).
/// @throws Error also for a negative count.
Tensor repeat(const Operand& x, std::int64_t count, int axis);
/// x again and again, `counts` times along the innermost axes; more counts than axes make new outermost axes
/// (numpy.tile, torch.Tensor.repeat). @throws Error for a negative count.
Tensor tile(const Operand& x, const std::vector<std::int64_t>& counts);
/// Coordinates of a grid: k tensors of rank 1 -> k tensors of rank k, the i-th of which changes along axis i
/// alone (indexing "ij"). They take no memory until something needs them in full.
/// @throws Error for a tensor of another rank.
std::vector<Tensor> meshgrid(const std::vector<Tensor>& axes,
                             std::source_location where = std::source_location::current());

}  // namespace nabla
