#pragma once

#include "engine/ops/attention.h"

namespace nabla {

/// softmax(scale q k^T + mask) v for queries q [.., Lq, d], keys k [.., Lk, d] and values v [.., Lk, e] of
/// one floating type: [.., Lq, e]; leading axes broadcast (Vaswani et al., "Attention Is All You Need", arXiv
/// 1706.03762, equation 1). A query that may attend to nothing gives 0 with derivatives 0. Keys and values
/// that are masked must be finite all the same, for their weight of 0 multiplies them.
///
/// In the fused form the value, its jvp along any number of tangents and its vjp are one step each, which
/// works on some queries at a time and forms no matrix of scores (Dao et al., arXiv 2205.14135; the weights
/// are found once for all tangents); the cotangent of a mask and derivatives of second and higher order are
/// those of the composed form.
/// @throws Error naming shapes and types that do not fit, and where a form is asked for that the type lacks.
Tensor attention(const Operand& q, const Operand& k, const Operand& v, const AttentionOptions& options = {});

}  // namespace nabla
