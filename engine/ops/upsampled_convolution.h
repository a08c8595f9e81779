#pragma once

#include <cstdint>
#include <vector>

#include "engine/ops/convolution.h"

namespace nabla {

/// convolution(upsample_nearest(data, factors), weight, options) with one factor for each spatial axis: data
/// [.., N, C, *S] and weight [O, C / groups, *W] -> [.., N, O, *R]. An element of the data meets the sum of
/// the weights that fall on its copies, which are not made: for factors of 2 and a window of 3 x 3 that is
/// 4 / 9 of the products. Strides, dilation, and padding as wide as the window are done in two steps.
/// @throws Error as both do.
Tensor upsampled_convolution(const Operand& data, const Operand& weight,
                             const std::vector<std::int64_t>& factors,
                             const ConvolutionOptions& options = {});

}  // namespace nabla
