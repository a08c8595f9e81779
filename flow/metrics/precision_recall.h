#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

struct PrecisionRecall {
  double precision;  ///< share of the generated samples inside the manifold of the real ones: quality
  double recall;     ///< share of the real samples inside the manifold of the generated ones: coverage
};

/// Improved precision and recall (Kynkaanniemi et al., arXiv 1904.06991, equations 1 and 2) of real [n, D]
/// and generated [m, D] samples. The manifold of a set is the union of balls around its samples, each
/// reaching its k-th nearest other sample, border included.
/// @throws Error if shapes do not fit, a number is not finite, or unless 1 <= k < n and k < m.
PrecisionRecall precision_recall(const Tensor& real, const Tensor& generated, std::int64_t k = 3);

}  // namespace nabla::flow
