#pragma once

#include <cudnn.h>

#include <cstdint>
#include <vector>

// Convolutions by a loop.

namespace nabla::cuda::emulator {

inline constexpr int kLargestRank = 5;

/// Batch (or filters), channels, and 2 or 3 axes of an image.
struct TensorLayout {
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  std::vector<std::int64_t> extents;
  std::vector<std::int64_t> strides;
};
struct ConvolutionDescription {
  std::vector<std::int64_t> padding, strides, dilation;
  bool is_flipped = false;
  int groups = 1;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
};

/// One of image x, filter w and result y from the two others.
struct Convolution {
  enum class Result { x, w, y };
  Result result;
  TensorLayout x, w, y;
  ConvolutionDescription description;
  const void *x_at, *w_at, *y_at;
  double alpha = 1;
  double beta = 0;
  bool is_approximate = false;  ///< by an algorithm that does more than to add up products in one order
};

/// Do the layouts belong to a convolution?
bool fits(const TensorLayout& x, const TensorLayout& w, const TensorLayout& y,
          const ConvolutionDescription& description);

/// Sums are f64. Operands of f32 are rounded to TF32 unless the math type is CUDNN_FMA_MATH, as a device may
/// do, and overflow where they may be converted to half precision; approximate algorithms keep 12 bits.
/// @throws Failure for memory that is not there.
void run(const Convolution& convolution);

}  // namespace nabla::cuda::emulator
