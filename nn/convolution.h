#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/ops/convolution.h"
#include "nn/initialise.h"
#include "nn/module.h"

// Layers that convolve one to three spatial axes: the number of extents of the window says how many. Their
// parameters have the names, layouts and initial values of PyTorch's Conv1d to 3d and ConvTranspose1d to 3d.

namespace nabla::nn {

struct ConvolutionLayerOptions {
  ConvolutionOptions window = {};  ///< strides, padding, dilation and groups
  /// Of each spatial axis, by which the data are repeated before, as by upsample_nearest(): none.
  std::vector<std::int64_t> upsample = {};
  bool bias = true;
  double gain = 1;  ///< scale of the initial weight and bias; 0 starts the layer at zero
  std::optional<Initialiser> initialiser =
      std::nullopt;  ///< of the weight, with a bias of zero; fan_in_uniform
  DType dtype = DType::f32;
};

/// A convolution and a bias for each channel, with "weight" [outputs, inputs / groups, *W] and "bias"
/// [outputs], both initially fan_in_uniform times the gain unless the options name an initialiser: [.., N,
/// inputs, *S] -> [.., N, outputs, *R], as convolution() or upsampled_convolution().
class Convolution : public Module {
 public:
  /// @throws Error unless channels and extents of the window are positive, and the groups divide both numbers
  /// of channels.
  Convolution(const Tensor& key, std::int64_t inputs, std::int64_t outputs,
              const std::vector<std::int64_t>& extents, const ConvolutionLayerOptions& options = {});

  /// @throws Error as these do.
  Tensor operator()(const Tensor& x, std::source_location where = std::source_location::current()) const;

  const ConvolutionOptions& window() const { return window_; }

 private:
  ConvolutionOptions window_;
  std::vector<std::int64_t> upsample_;
  Cell* weight_;
  Cell* bias_ = nullptr;
};

struct TransposedConvolutionLayerOptions {
  TransposedConvolutionOptions window = {};
  bool bias = true;
  DType dtype = DType::f32;
};

/// A transposed convolution and a bias for each channel, with "weight" [inputs, outputs / groups, *W] and
/// "bias" [outputs], both initially fan_in_uniform of outputs / groups channels, as PyTorch has it:
/// [.., N, inputs, *R] -> [.., N, outputs, *S], as transposed_convolution().
class TransposedConvolution : public Module {
 public:
  /// @throws Error unless channels and extents of the window are positive, and the groups divide both numbers
  /// of channels.
  TransposedConvolution(const Tensor& key, std::int64_t inputs, std::int64_t outputs,
                        const std::vector<std::int64_t>& extents,
                        const TransposedConvolutionLayerOptions& options = {});

  /// @throws Error as transposed_convolution() does.
  Tensor operator()(const Tensor& x, std::source_location where = std::source_location::current()) const;

  const TransposedConvolutionOptions& window() const { return window_; }

 private:
  TransposedConvolutionOptions window_;
  Cell* weight_;
  Cell* bias_ = nullptr;
};

}  // namespace nabla::nn
