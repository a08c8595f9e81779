#pragma once

#include <optional>
#include <vector>

#include "nn/activation.h"
#include "nn/fourier_features.h"
#include "nn/linear.h"

namespace nabla::nn {

struct MlpOptions {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  std::int64_t width = 512;
  std::int64_t hidden_layers = 3;
  Activation activation = Activation::silu;
  std::int64_t frequencies = 16;  ///< of the time embedding
  double highest_turns = 8;
  std::int64_t embedding = 64;  ///< width of the time embedding
  bool second_time = false;     ///< also takes r - t (average velocities)
  double output_gain = 0;       ///< scale of the initial last weight; 0 starts the network at zero
  DType dtype = DType::f32;
};

/// A multilayer perceptron f(x, t) whose hidden layers are shifted by an embedding of time:
///   h_0 = x,  h_{i+1} = act(h_i W_i^T + e(t) V_i^T + b_i),  f = h_L W_L^T + b_L.
/// Time enters as a shift only, so that it is no factor of the Jacobian df/dx.
class Mlp : public Module {
 public:
  /// Initial weights follow from `key` [2] alone. @throws Error for extents below 1.
  Mlp(const Tensor& key, const MlpOptions& options);

  /// x [B, inputs] and t [B, 1] or [1, 1] -> [B, outputs]. A shared t of [1, 1] is never expanded over the
  /// batch. `gap` is r - t, shaped like t; given if and only if the options ask for a second time.
  /// @throws Error where shapes do not fit.
  Tensor operator()(const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap = std::nullopt) const;

  const MlpOptions& options() const { return options_; }

 private:
  Tensor embedding(const Tensor& t, const std::optional<Tensor>& gap) const;

  MlpOptions options_;
  FourierFeatures features_;
  std::vector<Linear> embed_time_;  // one entry, or two with a second time
  std::vector<Linear> shifts_;      // one per hidden layer
  std::vector<Linear> layers_;      // hidden layers, then the output
};

}  // namespace nabla::nn
