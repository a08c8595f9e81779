#pragma once

#include <cstdint>
#include <optional>

#include "engine/tensor/tensor.h"

// Normalisations, without the weight and bias that layers put behind them (nn/norm.h). They are compositions
// of primitives: their derivatives follow from their parts, and are finite for equal elements as well, since
// `epsilon` is positive. The squares are taken in the type of x: where one of them overflows, the result is
// 0.
// @throws Error naming operator and shape where x is not of a floating type or does not have the axes, and an
// epsilon that is not positive in the type of x, or not finite.

namespace nabla {

/// (x - mean) / sqrt(variance + epsilon) over the innermost `axes` axes together, with the divisor n in the
/// variance: the same shape (Ba, Kiros and Hinton, "Layer Normalization", arXiv 1607.06450, equation 4).
/// Digits that all elements share cost none of the others.
Tensor layer_norm(const Operand& x, int axes = 1, double epsilon = 1e-5);

/// x / sqrt(mean of the squares + epsilon) over the innermost `axes` axes together: the same shape (Zhang and
/// Sennrich, "Root Mean Square Layer Normalization", arXiv 1910.07467, equation 4). Where no epsilon is given
/// it is the distance from 1 to the next number of the type.
Tensor rms_norm(const Operand& x, int axes = 1, std::optional<double> epsilon = std::nullopt);

/// layer_norm of each of `groups` groups of neighbouring channels with all of their `spatial` innermost axes:
/// x [.., C, *S], of the same shape (Wu and He, "Group Normalization", arXiv 1803.08494, equation 7). As many
/// groups as channels make it an instance normalisation.
/// @throws Error also unless there is a group and C is a multiple of their number.
Tensor group_norm(const Operand& x, std::int64_t groups, int spatial, double epsilon = 1e-5);

}  // namespace nabla
