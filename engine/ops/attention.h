#pragma once

#include <optional>

#include "engine/tensor/tensor.h"

namespace nabla {

struct AttentionOptions {
  /// What broadcasts to the scores [.., Lq, Lk]: of bool, true where a query may attend to a key, or of the
  /// type of the queries, added to the scores, where -inf says that it may not.
  std::optional<Tensor> mask = std::nullopt;
  std::optional<double> scale = std::nullopt;  ///< of the scores: 1 / sqrt(d)
  bool causal = false;                         ///< query i may attend to keys 0 .. i alone
};

/// softmax(scale q k^T + mask) v for queries q [.., Lq, d], keys k [.., Lk, d] and values v [.., Lk, e] of
/// one floating type: [.., Lq, e]; leading axes broadcast (Vaswani et al., "Attention Is All You Need", arXiv
/// 1706.03762, equation 1). A query that may attend to nothing gives 0 with derivatives 0. Keys and values
/// that are masked must be finite all the same, for their weight of 0 multiplies them.
/// @throws Error naming shapes and types that do not fit.
Tensor attention(const Operand& q, const Operand& k, const Operand& v, const AttentionOptions& options = {});

}  // namespace nabla
