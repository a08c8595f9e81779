#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/backend/device.h"
#include "engine/tensor/dtype.h"

namespace nabla::cuda {

/// The trilinear form sum(cotangent * convolution(data, weight)) whose three slots the three convolutions
/// fill: data [N, C_in, *spatial], weight [C_out, C_in / groups, *window], cotangent [N, C_out, *result], all
/// dense. One to three spatial axes. As everywhere in the field it is a correlation: windows are not flipped.
struct ConvolutionShape {
  std::int64_t batch, channels_in, channels_out, groups;
  std::vector<std::int64_t> spatial;  ///< extents of the data
  std::vector<std::int64_t> window;   ///< of the weight; as long, and so are the following
  std::vector<std::int64_t> stride, dilation;
  std::vector<std::int64_t> padding;  ///< zeros on each side
  DType type;                         ///< f32 or f64
  ProductPrecision precision;         ///< of f32: bf16 is done in tf32, which cuDNN offers for f32 operands

  /// Extents of the result. @throws Error where the window does not fit or the lists differ in length.
  std::vector<std::int64_t> result() const;
};

/// The three convolutions of one shape by cuDNN, by algorithms that give the same bits every time. Each puts
/// its work on the recording stream.
class Convolution {
 public:
  /// @throws Error naming the shape where cuDNN has no deterministic algorithm within the shared workspace.
  explicit Convolution(const ConvolutionShape& shape);
  ~Convolution();

  /// result [N, C_out, *result] of data and weight.
  void forward(const std::byte* data, const std::byte* weight, std::byte* result) const;
  /// The transpose in the data: data's cotangent of weight and cotangent.
  void to_data(const std::byte* weight, const std::byte* cotangent, std::byte* data) const;
  /// The transpose in the weight: weight's cotangent of data and cotangent.
  void to_weight(const std::byte* data, const std::byte* cotangent, std::byte* weight) const;

 private:
  struct Descriptions;
  std::unique_ptr<const Descriptions> descriptions_;
};

}  // namespace nabla::cuda
