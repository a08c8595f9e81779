#pragma once

#include <cstdint>
#include <source_location>
#include <vector>

#include "nn/module.h"
#include "nn/update.h"

namespace nabla::nn {

struct BatchNormOptions {
  int spatial = 2;  ///< number of axes behind the channels
  double epsilon = 1e-5;
  double momentum = 0.1;  ///< weight, in (0, 1], of a batch in the running statistics
  bool affine = true;     ///< whether there are a weight and a bias
  DType dtype = DType::f32;
};

/// Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167): (x - mean) / sqrt(variance + epsilon) times
/// "weight" plus "bias", a number of each [channels]. While a network is trained, mean and variance of a
/// channel are those of all samples and places of the batch; in evaluation they are the buffers
/// "running_mean" and "running_var" [channels], to which training gives (1 - momentum) of what they were plus
/// momentum of the batch's, its variance with the divisor n - 1. Names, layouts, initial values and defaults
/// are those of PyTorch's BatchNorm1d to 3d, without "num_batches_tracked", which nothing reads.
///
/// Training mixes the samples of a batch, so that there is no sample-wise derivative of it: divergence() and
/// its kin refuse it. In evaluation it is an affine map of every element.
class BatchNorm : public Module {
 public:
  /// @throws Error unless there is a channel, `spatial` is not negative, the momentum is in (0, 1] and
  /// epsilon is positive.
  explicit BatchNorm(std::int64_t channels, const BatchNormOptions& options = {});

  /// x [N, channels, *S], of the same shape. In training `running` receives the new values of the buffers, to
  /// be handed to commit() with those of the optimizer; in evaluation it is null, and x may have more leading
  /// axes. @throws Error for another number of channels or axes, and in training for a batch of one number a
  /// channel, which has no variance.
  Tensor operator()(const Tensor& x, std::vector<Update>* running = nullptr,
                    std::source_location where = std::source_location::current()) const;

 private:
  Tensor in_training(const Tensor& x, std::vector<Update>& running) const;
  Tensor in_evaluation(const Tensor& x) const;

  std::int64_t channels_;
  BatchNormOptions options_;
  Cell* running_mean_;
  Cell* running_var_;
  Cell* weight_ = nullptr;
  Cell* bias_ = nullptr;
};

}  // namespace nabla::nn
