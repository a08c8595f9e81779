#pragma once

#include "flow/coupling.h"
#include "flow/field.h"
#include "flow/path.h"
#include "flow/times.h"

// Average velocities by MeanFlow (Geng et al., arXiv 2505.13447), with time running from noise at 0 to data
// at 1. The paper's time is 1 - t, and its u and v have the other sign.

namespace nabla::flow {

/// The velocity along which an average velocity is differentiated.
enum class MeanFlowTangent {
  conditional,  ///< a' x1 + s' x0 (MeanFlow): one evaluation less, and targets that vary more
  predicted,    ///< sg(u(x, t, t)), the field's own ("Improved mean flows", arXiv 2512.02012)
};

/// The defaults are what served one-step samples and velocity best on three laws (docs/decisions.md,
/// bench/meanflow_options.cpp), not the paper's choice for images: conditional, 1 and 1.
struct MeanFlowOptions {
  MeanFlowTangent tangent = MeanFlowTangent::predicted;
  /// Factor of the rows with t < r in the loss. Below 1 their targets, which the network itself makes,
  /// disturb the velocity less.
  double averaged_weight = 0.5;
  /// Each sample's squared error is divided by (its value + offset)^power, not differentiated: 0 is the plain
  /// squared loss, 1 the paper's choice for images. A power of 1 is in effect the loss E log(|u - v|^2 + c),
  /// which seeks a mode instead of the mean: for v = 1 with probability .7, else -1, the velocity is .40 with
  /// power 0 (right), .95 with .5 and 1.00 with 1. Such a velocity tells no posterior, and samples of several
  /// modes are worse.
  double power = 0;
  double offset = 1e-2;
};

/// Means over samples of squared errors, summed over the elements of a sample; each of shape [].
struct MeanFlowLoss {
  Tensor weighted;       ///< what to differentiate; it looks flat while samples improve
  Tensor raw;            ///< without weights, over all rows
  Tensor averaged;       ///< without weights, over the rows with t < r
  Tensor instantaneous;  ///< without weights, over the rows with t = r, where it is the flow-matching loss
};

/// The MeanFlow loss |u - sg(v + (r - t) du/dt)|^2 with v = a' x1 + s' x0, the velocity of the conditional
/// path, and du/dt = J_u w + d_t u by one forward derivative along (w, 1), w being v or the predicted
/// velocity (equations 6 to 10 of the paper). Only rows with t < r pay for it, and it is never
/// differentiated. x0 and x1 [B, *S]; times for B rows; a part without rows counts as 0.
/// @throws Error where shapes do not fit or the options are negative.
MeanFlowLoss meanflow_loss(const AverageField& u, const AffinePath& path, const Pair& pair,
                           const TimePairs& times, const MeanFlowOptions& options = {});

/// Du/dt along the field's own velocity: J_u v + d_t u with v = u(x, t, t), by one forward derivative: [B,
/// *S].
Tensor total_derivative(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& r);

/// u - (v + (r - t) du/dt) with the field's own velocity v = u(x, t, t): what is missing in the MeanFlow
/// identity at x [B, *S], t and r [B, 1] or [1, 1]: [B, *S]. 0 for an exact average velocity.
Tensor meanflow_residual(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& r);

/// (r - t) u(x, t, r) - (s - t) u(x, t, s) - (r - s) u(x_s, s, r) with x_s = x + (s - t) u(x, t, s): how far
/// one step from t to r is from two over s (SplitMeanFlow, arXiv 2507.16884): [B, *S]. 0 for an exact average
/// velocity.
Tensor split_residual(const AverageField& u, const Tensor& x, const Tensor& t, const Tensor& s,
                      const Tensor& r);

}  // namespace nabla::flow
