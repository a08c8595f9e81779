#pragma once

#include <cstdint>

#include "engine/autodiff/jacobian/trace_estimate.h"
#include "engine/spectral/linear_operator.h"
#include "engine/spectral/spectrum.h"

namespace nabla {

/// log|det A| of each sample's operator: a leaf [B] f64, -infinity where A is singular. Its D columns are
/// formed, `column_bytes` at once at most (one at least), and factored on the host in f64, at D^3 a sample.
/// @throws Error if domain and range are not of one size, or a column holds a NaN or an infinity.
Tensor log_abs_determinant(const LinearOperator& a, std::int64_t column_bytes = std::int64_t{256} << 20);

struct LogDeterminantOptions {
  /// Random directions for each sample, at least 2. The standard error falls with their square root.
  std::int64_t probes = 16;
  /// Lanczos steps from each direction, D at most; each is one product with all directions. The quadrature's
  /// own error, which the standard error does not see, falls like
  /// ((sqrt(c) - 1) / (sqrt(c) + 1))^(2 steps) with the condition number c.
  std::int64_t steps = 20;
  /// As in SpectrumOptions.
  bool compile_products = true;
};

/// log det A of each sample's symmetric positive definite operator: an estimate [B] f64 by stochastic
/// Lanczos quadrature with random signs (Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38, 2017), with
/// full orthogonalisation. Exact for any probe where the operator is a multiple of the identity.
/// @throws Error if the operator is not square, the options do not fit, a product holds a NaN or an
/// infinity, or a value shows that an operator is not positive definite.
Estimate estimate_log_determinant(const LinearOperator& a, const Tensor& key,
                                  const LogDeterminantOptions& options = {});

}  // namespace nabla
