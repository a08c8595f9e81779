#pragma once

#include <cstdint>
#include <optional>

#include "nn/module.h"

// Normalisations (engine/ops/normalise.h) with a weight, which starts at 1, and a bias, which starts at 0.
// Parameters have the names and layouts of PyTorch's layers, and epsilons its defaults.

namespace nabla::nn {

struct LayerNormOptions {
  double epsilon = 1e-5;
  bool weight = true;
  bool bias = true;  ///< none without a weight
  DType dtype = DType::f32;
};

/// layer_norm over the innermost axes, times "weight" plus "bias", both of the shape of these axes.
class LayerNorm : public Module {
 public:
  /// @throws Error if the shape has no axis.
  explicit LayerNorm(const Shape& shape, const LayerNormOptions& options = {});

  /// x [.., *shape], of the same shape. @throws Error where the innermost extents are others.
  Tensor operator()(const Tensor& x, std::source_location where = std::source_location::current()) const;

 private:
  Shape shape_;
  double epsilon_;
  Cell* weight_ = nullptr;
  Cell* bias_ = nullptr;
};

struct RmsNormOptions {
  std::optional<double> epsilon = std::nullopt;  ///< the distance from 1 to the next number of the type
  bool weight = true;
  DType dtype = DType::f32;
};

/// rms_norm over the innermost axes, times "weight" of their shape.
class RmsNorm : public Module {
 public:
  /// @throws Error if the shape has no axis.
  explicit RmsNorm(const Shape& shape, const RmsNormOptions& options = {});

  /// x [.., *shape], of the same shape. @throws Error where the innermost extents are others.
  Tensor operator()(const Tensor& x, std::source_location where = std::source_location::current()) const;

 private:
  Shape shape_;
  std::optional<double> epsilon_;
  Cell* weight_ = nullptr;
};

struct GroupNormOptions {
  int spatial = 2;  ///< number of axes behind the channels
  double epsilon = 1e-5;
  bool affine = true;  ///< whether there are a weight and a bias
  DType dtype = DType::f32;
};

/// group_norm, times "weight" plus "bias", a number of each [channels] for all spatial axes.
class GroupNorm : public Module {
 public:
  /// @throws Error unless there is a group, the groups divide the channels and `spatial` is not negative.
  GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& options = {});

  /// x [.., N, channels, *S], of the same shape. @throws Error for another number of channels.
  Tensor operator()(const Tensor& x, std::source_location where = std::source_location::current()) const;

 private:
  std::int64_t groups_;
  std::int64_t channels_;
  int spatial_;
  double epsilon_;
  Cell* weight_ = nullptr;
  Cell* bias_ = nullptr;
};

}  // namespace nabla::nn
