#pragma once

#include <optional>

#include "engine/autodiff/jacobian.h"

namespace nabla {

/// How a trace or diagonal is estimated from a few products with the Jacobian.
///   hutchinson: mean of e^T J e over random signs e (Hutchinson, Commun. Stat. Simul. 19, 1990).
///   hutch_plus_plus: the trace on a sketched range exactly, Hutchinson on the rest (Meyer, Musco, Musco and
///     Woodruff, SOSA 2021); less variance where few directions hold most of the trace.
enum class EstimateMethod { hutchinson, hutch_plus_plus };

struct EstimateOptions {
  EstimateMethod method = EstimateMethod::hutchinson;
  /// Products with the Jacobian for each sample: at least 2, and at least 6 for hutch_plus_plus, which spends
  /// a third on the sketch, a third on its range and a third on the rest.
  std::int64_t products = 16;
};

struct Estimate {
  Tensor value;
  Tensor standard_error;  ///< of the value, from the spread of the probes; the same shape
};

/// Unbiased estimate of each sample's divergence of a sample-wise field: [B]. Each sample has probes of its
/// own. @throws Error where the field mixes samples or changes the shape, or the options do not fit.
Estimate estimate_divergence(const Field& v, const Tensor& x, const Tensor& key,
                             const EstimateOptions& options = {});

/// Unbiased estimate of the diagonal of each sample's Jacobian, the mean of e * (J e) over random signs e
/// (Bekas, Kokiopoulou and Saad, Appl. Numer. Math. 57, 2007): [B, *S].
Estimate estimate_jacobian_diagonal(const Field& v, const Tensor& x, const Tensor& key,
                                    std::int64_t products = 16);

/// A diagonal from few directions where each result depends on near arguments only: element i on arguments j
/// with |i - j| <= radius along the innermost axis. Exact then, with radius + 1 directions.
/// With a key every direction carries random signs (signed colouring): still exact for such a field, and
/// unbiased for any other. [B, *S].
Tensor coloured_jacobian_diagonal(const Field& v, const Tensor& x, std::int64_t radius,
                                  const std::optional<Tensor>& key = {});

}  // namespace nabla
