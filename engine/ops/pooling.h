#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

// Fewer and more places along the innermost axes; axes outside of them (channels, samples) are kept. All are
// compositions of primitives: their derivatives follow from their parts.
// @throws Error naming operator and shape for axes that do not exist, and numbers that are not positive.

namespace nabla {

/// How windows go over the data. A list holds one number for each innermost axis, outermost first, or one for
/// all of them; an empty one stands for the default.
struct PoolingOptions {
  std::vector<std::int64_t> stride = {};  ///< the extents of the window
  std::vector<std::int64_t> padding =
      {};  ///< places added before and behind the data, half a window at most: 0
};

/// Mean of what lies under each window, with one extent for each innermost axis: [.., *S] -> [.., *R] with R
/// = (S + 2 padding - extent) / stride + 1, as convolution(); what lies behind the last window is left out.
/// Padding is zeros, which count (PyTorch's AvgPool).
/// @throws Error also for windows that are longer than the data, and a type that is not floating.
Tensor average_pool(const Operand& x, const std::vector<std::int64_t>& extents,
                    const PoolingOptions& options = {});

/// Largest element under each window, of extents as average_pool's; ties share the derivative equally.
/// Padding is minus infinity (PyTorch's MaxPool). @throws Error as average_pool does, but for a type without
/// an order, and one that is not floating with padding.
Tensor max_pool(const Operand& x, const std::vector<std::int64_t>& extents,
                const PoolingOptions& options = {});

struct UnfoldOptions {
  std::vector<std::int64_t> stride = {};    ///< 1
  std::vector<std::int64_t> padding = {};   ///< zeros before and behind the data: 0
  std::vector<std::int64_t> dilation = {};  ///< distance of a window's elements in the data: 1
};

/// Every window of the data on axes of its own, with one extent for each innermost axis: [.., *S] -> [.., *R,
/// *extents], R as in convolution(). With channels, [N, C, *S] has what PyTorch's Unfold joins to [N, C W,
/// R].
/// @throws Error also for windows that are longer than the data.
Tensor unfold(const Operand& x, const std::vector<std::int64_t>& extents, const UnfoldOptions& options = {});

/// Repeats every element `factors` times, one factor for each innermost axis: [.., *S] -> [.., *(S factors)].
Tensor upsample_nearest(const Operand& x, const std::vector<std::int64_t>& factors);

/// Interpolates linearly along each of the innermost axes (bilinear with two factors), the first and last
/// element held beyond them: [.., *S] -> [.., *(S factors)]. Element i lies at (i + 1/2) / factor - 1/2, so
/// that the weights are PyTorch's with align_corners=False.
/// @throws Error also for a type that is not floating.
Tensor upsample_linear(const Operand& x, const std::vector<std::int64_t>& factors);

}  // namespace nabla
