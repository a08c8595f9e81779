#pragma once

#include <optional>

#include "nn/initialise.h"
#include "nn/module.h"

namespace nabla::nn {

struct LinearOptions {
  double gain = 1;  ///< scale of the initial weight; 0 starts the layer at zero
  std::optional<Initialiser> initialiser = std::nullopt;  ///< of the weight, before the gain; scaled_normal
  bool bias = true;
  DType dtype = DType::f32;
};

/// x W^T for x [.., inputs] and W [outputs, inputs] -> [.., outputs]. What comes back to W has W's own order
/// of axes, unlike behind matmul(x, transpose(W)).
Tensor times_transpose(const Tensor& x, const Tensor& weight);

/// x W^T + b with "weight" W [outputs, inputs], initially scaled_normal, and "bias" b [outputs], which starts
/// at zero: [.., inputs] -> [.., outputs]. Names and layouts are those of PyTorch's Linear.
class Linear : public Module {
 public:
  Linear(const Tensor& key, std::int64_t inputs, std::int64_t outputs, const LinearOptions& options = {});

  /// @throws Error if the innermost extent of x is not inputs().
  Tensor operator()(const Tensor& x, std::source_location where = std::source_location::current()) const;

  std::int64_t inputs() const { return weight_->shape()[1]; }
  std::int64_t outputs() const { return weight_->shape()[0]; }

 private:
  Cell* weight_;
  Cell* bias_ = nullptr;
};

}  // namespace nabla::nn
