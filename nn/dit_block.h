#pragma once

#include <cstdint>
#include <vector>

#include "nn/attention.h"
#include "nn/linear.h"

namespace nabla::nn {

struct DiTBlockOptions {
  std::int64_t hidden = 64;  ///< width of the tokens
  std::int64_t heads = 4;
  std::int64_t mlp_ratio = 4;   ///< hidden width of the perceptron over that of the tokens
  std::int64_t embedding = 64;  ///< width of the condition
  bool qk_norm = false;         ///< see MultiHeadAttentionOptions
  DType dtype = DType::f32;
};

/// A transformer block with adaptive layer norms that start at zero, adaLN-Zero (Peebles and Xie, arXiv
/// 2212.09748, section 3.2):
///   x = x + gate1 attention(modulate(layer_norm(x), shift1, scale1)),
///   x = x + gate2 mlp(modulate(layer_norm(x), shift2, scale2)),  mlp(y) = gelu(y W1^T + b1) W2^T + b2.
/// Shifts, scales and gates are the parts of a linear map "modulation" of the condition, in the order shift1,
/// scale1, gate1, shift2, .., and start at zero: at first the block changes nothing.
class DiTBlock : public Module {
 public:
  /// @throws Error as MultiHeadAttention and Linear do.
  DiTBlock(const Tensor& key, const DiTBlockOptions& options);

  /// x [B, L, hidden] and e [B, embedding] or [1, embedding] -> [B, L, hidden].
  Tensor operator()(const Tensor& x, const Tensor& e) const;

 private:
  Linear modulation_;
  MultiHeadAttention attention_;
  Linear mlp1_;
  Linear mlp2_;
};

/// The numbers that `map` makes of a condition e [B, embedding], cut into `count` pieces [B, 1, outputs /
/// count] that are the same for all tokens.
std::vector<Tensor> token_modulation(const Linear& map, const Tensor& e, std::int64_t count);
/// layer_norm of every token, as DiT has it: without weight and bias, which the modulation brings.
Tensor token_norm(const Tensor& x);

}  // namespace nabla::nn
