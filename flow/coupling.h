#pragma once

#include <functional>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// Noise and data that a path joins, both [B, *S].
struct Pair {
  Tensor x0;
  Tensor x1;
};

/// Chooses the noise for a batch of data. The identity between divergence and posterior covariance holds for
/// the independent coupling only.
using Coupling = std::function<Pair(const Tensor& key, const Tensor& x1)>;

/// x0 ~ N(0, I), independent of x1. FieldMetadata::coupling "independent".
Pair independent_coupling(const Tensor& key, const Tensor& x1);

/// x0 ~ N(0, I), handed out so that sum |x1 - x0|^2 over the batch is smallest (Pooladian et al., arXiv
/// 2304.14772; Tong et al., arXiv 2302.00482): straighter paths, and a field whose Jacobian tells no
/// posterior. FieldMetadata::coupling "minibatch_ot". It reads the data, in O(B^3), and so cannot be traced
/// by compile.
Pair minibatch_ot_coupling(const Tensor& key, const Tensor& x1);

}  // namespace nabla::flow
