#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

// Convolutions over one to three spatial axes. As everywhere in the field they are correlations: the window
// is not flipped. Their derivatives of any order are convolutions again, for all three are slots of one
// trilinear form.

namespace nabla {

/// How the window goes over the data. A list holds one number for each spatial axis, outermost first, or one
/// for all of them; an empty one stands for the default.
struct ConvolutionOptions {
  std::vector<std::int64_t> stride = {};  ///< 1
  std::vector<std::int64_t> padding =
      {};  ///< zeros before the data, and behind it where nothing else is said: 0
  std::vector<std::int64_t> padding_after = {};  ///< zeros behind the data: `padding`
  std::vector<std::int64_t> dilation = {};       ///< distance of a window's elements in the data: 1
  std::int64_t groups = 1;                       ///< channels of a group see those of the same group alone
};

/// data [.., N, C, *S] and weight [O, C / groups, *W] -> [.., N, O, *R], where an axis of S elements gives
/// R = (S + padding - dilation (W - 1) - 1) / stride + 1. The weight tells the number of spatial axes; N may
/// be missing. Both are of one floating type.
/// @throws Error naming shapes and types that do not fit, and options that are not positive.
Tensor convolution(const Operand& data, const Operand& weight, const ConvolutionOptions& options = {});

struct TransposedConvolutionOptions {
  ConvolutionOptions window = {};  ///< of the convolution that this is the transpose of
  /// Elements by which the result is longer than the shortest that `window` makes the data from, below the
  /// stride: 0.
  std::vector<std::int64_t> output_padding = {};
};

/// The transpose of a convolution in its data: data [.., N, C, *R] and weight [C, O / groups, *W] -> [.., N,
/// O, *S] with S = (R - 1) stride - padding + dilation (W - 1) + 1 + output padding.
/// @throws Error as convolution does.
Tensor transposed_convolution(const Operand& data, const Operand& weight,
                              const TransposedConvolutionOptions& options = {});

}  // namespace nabla
