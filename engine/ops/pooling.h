#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

// Fewer and more places along the innermost axes; axes outside of them (channels, samples) are kept. All are
// compositions of primitives: their derivatives follow from their parts.
// @throws Error naming operator and shape for axes that do not exist, and numbers that are not positive.

namespace nabla {

/// Mean of what lies under each window: [.., *S] -> [.., *(S / extents)], with one extent for each innermost
/// axis. Windows tile the data: `stride` is that of convolution() (one number for each axis, or one for all),
/// and has to equal the extents, as it does where none is given.
/// @throws Error also where windows overlap, leave gaps or do not divide the data, and for a type that is not
/// floating.
Tensor average_pool(const Operand& x, const std::vector<std::int64_t>& extents,
                    const std::vector<std::int64_t>& stride = {});

/// Largest element under each window, otherwise like average_pool; ties share the derivative equally.
/// @throws Error as average_pool does, but for a type without an order.
Tensor max_pool(const Operand& x, const std::vector<std::int64_t>& extents,
                const std::vector<std::int64_t>& stride = {});

/// Repeats every element `factors` times, one factor for each innermost axis: [.., *S] -> [.., *(S factors)].
Tensor upsample_nearest(const Operand& x, const std::vector<std::int64_t>& factors);

/// Interpolates linearly along each of the innermost axes (bilinear with two factors), the first and last
/// element held beyond them: [.., *S] -> [.., *(S factors)]. Element i lies at (i + 1/2) / factor - 1/2, so
/// that the weights are PyTorch's with align_corners=False.
/// @throws Error also for a type that is not floating.
Tensor upsample_linear(const Operand& x, const std::vector<std::int64_t>& factors);

}  // namespace nabla
