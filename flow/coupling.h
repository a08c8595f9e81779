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

/// x0 ~ N(0, I), independent of x1.
Pair independent_coupling(const Tensor& key, const Tensor& x1);

}  // namespace nabla::flow
