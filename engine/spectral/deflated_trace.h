#pragma once

#include <cstdint>

#include "engine/autodiff/jacobian/trace_estimate.h"
#include "engine/spectral/block_vectors.h"
#include "engine/spectral/linear_operator.h"

namespace nabla {

struct DeflationOptions {
  /// Directions whose part of the trace is taken exactly, at least 1; D at most are used.
  std::int64_t rank = 4;
  /// Random directions for the rest, at least 2: the standard error comes from their spread.
  std::int64_t probes = 4;
  /// Turns of the same work before the first estimate, to find the directions.
  std::int64_t warm_up = 2;
};

/// Traces of operators that change slowly, such as the Jacobians of a field along the trajectories of an
/// ODE. With orthonormal directions Q of each sample,
///   tr A = tr(Q^T A Q) + (D - rank) E[u^T A u],
/// u uniform on the unit sphere orthogonal to Q: the first part is exact, the second estimated from a few
/// probes. Q depends on the operators and probes before the present ones alone, so that each estimate is
/// unbiased, whatever Q; it has little variance where Q holds what A has beside a multiple of the identity,
/// which itself has none. (Probes with their length taken out: Epperly, Tropp and Webber, SIAM J. Matrix
/// Anal. Appl. 45, 2024.)
///
/// After an estimate Q becomes the leading directions of (A - m I) [Q, u], m the mean of the rest's
/// eigenvalues as estimated: one turn of subspace iteration that takes no further product.
class DeflatedTrace {
 public:
  /// @throws Error if the options do not fit.
  explicit DeflatedTrace(const DeflationOptions& options = {});

  /// An unbiased estimate of the trace of each sample's operator and its standard error, leaves [B] f64. A
  /// key is used once.
  /// A sample whose operator gives a NaN or an infinity gets what they give, and disturbs no other.
  /// @throws Error if the operator is not square, or not of the domain and type of those before it.
  Estimate estimate(const LinearOperator& a, const Tensor& key);

  /// Products with each sample's operators so far: rank + probes in each turn, warm-up included.
  std::int64_t products() const { return products_; }
  /// The directions that the next estimate takes exactly: [rank, B, D], orthonormal but for zeros; empty
  /// before the first estimate.
  const Tensor& basis() const { return basis_.directions; }

 private:
  Estimate turn(const LinearOperator& a, const Tensor& key);
  void refresh(const Tensor& images, std::int64_t rank);

  DeflationOptions options_;
  OrthonormalBlock basis_;
  Shape domain_;
  DType dtype_ = DType::f32;
  std::int64_t products_ = 0;
};

}  // namespace nabla
