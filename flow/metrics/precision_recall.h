#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

// How much of generated samples [m, D] lies where real ones [n, D] are, and the reverse. The manifold of a
// set is the union of balls around its samples, each reaching its k-th nearest other sample, border included.
// @throws Error if shapes do not fit, a number is not finite, or unless 1 <= k < n and k < m.

namespace nabla::flow {

/// Improved precision and recall (Kynkaanniemi et al., arXiv 1904.06991, equations 1 and 2). Noisy samples
/// lie far apart and have wide balls, so that recall is 1 for plain noise: read it beside coverage.
struct PrecisionRecall {
  double precision;  ///< share of the generated samples inside the manifold of the real ones: quality
  double recall;     ///< share of the real samples inside the manifold of the generated ones: variety
};
PrecisionRecall precision_recall(const Tensor& real, const Tensor& generated, std::int64_t k = 3);

/// Density and coverage (Naeem et al., arXiv 2002.09797, equations 3 and 4), which take the balls of real
/// samples only. For sets of one law density is about 1 and coverage 1 - 2^-k for large sets.
struct DensityCoverage {
  double density;   ///< mean number of real balls around a generated sample, over k: quality, may exceed 1
  double coverage;  ///< share of the real balls that hold a generated sample: variety
};
DensityCoverage density_coverage(const Tensor& real, const Tensor& generated, std::int64_t k = 5);

}  // namespace nabla::flow
