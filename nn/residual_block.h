#pragma once

#include <cstdint>
#include <optional>

#include "nn/activation.h"
#include "nn/convolution.h"
#include "nn/linear.h"
#include "nn/norm.h"

namespace nabla::nn {

struct ResidualBlockOptions {
  std::int64_t embedding = 64;  ///< width of the condition
  std::int64_t groups = 8;      ///< of both norms; 0 for none
  Activation activation = Activation::silu;
  DType dtype = DType::f32;
};

/// A residual block of pictures under a condition e (Ho, Jain and Abbeel, arXiv 2006.11239, appendix B):
///   h = conv1(act(norm1(x))),  h = modulate(norm2(h), shift(e), scale(e)),  skip(x) + conv2(act(h)),
/// with windows of 3 x 3, and with a skip of 1 x 1 where the channels change. Shift and scale, the two halves
/// of a linear map "film", and "conv2" start at zero: at first the block is its skip.
class ResidualBlock : public Module {
 public:
  /// @throws Error as GroupNorm, Convolution and Linear do.
  ResidualBlock(const Tensor& key, std::int64_t inputs, std::int64_t outputs,
                const ResidualBlockOptions& options = {});

  /// x [B, inputs, H, W] and e [B, embedding] or [1, embedding] -> [B, outputs, H, W].
  Tensor operator()(const Tensor& x, const Tensor& e) const;

 private:
  std::int64_t outputs_;
  Activation activation_;
  std::optional<GroupNorm> norm1_;
  Convolution conv1_;
  Linear film_;
  std::optional<GroupNorm> norm2_;
  Convolution conv2_;
  std::optional<Convolution> skip_;
};

}  // namespace nabla::nn
