#pragma once

#include <array>
#include <optional>

#include "engine/tensor/tensor.h"

// Attention as a composition of products and a softmax. What users call, attention(), chooses between it and
// fused steps (engine/autodiff/attention.h).

namespace nabla {

enum class AttentionForm {
  automatic,  ///< fused where there are many keys
  fused,      ///< no matrix of scores is formed by the value, jvp and vjp; f32 and f64
  composed,   ///< the scores [.., Lq, Lk] and what derivatives make of them are values of their own
};

struct AttentionOptions {
  /// What broadcasts to the scores [.., Lq, Lk]: of bool, true where a query may attend to a key, or of the
  /// type of the queries, added to the scores, where -inf says that it may not.
  std::optional<Tensor> mask = std::nullopt;
  std::optional<double> scale = std::nullopt;  ///< of the scores: 1 / sqrt(d)
  bool causal = false;                         ///< query i may attend to keys 0 .. i alone
  AttentionForm form = AttentionForm::automatic;
};

/// Queries, keys and values.
using AttentionOperands = std::array<Tensor, 3>;

/// Checks them and the mask. Returns the shape of the scores.
/// @throws Error naming shapes and types that do not fit.
Shape check_attention(const AttentionOperands& operands, const AttentionOptions& options);

/// What the options say the queries are multiplied by.
double attention_scale(const AttentionOperands& operands, const AttentionOptions& options);

/// attention() by products and a softmax, of operands that are checked.
Tensor composed_attention(const AttentionOperands& operands, const AttentionOptions& options);

}  // namespace nabla
