#pragma once

#include "uncertainty/posterior.h"

namespace nabla::uncertainty {

/// How many directions the data have near each sample, seen at the noise level k s / a of x_t / a.
struct IntrinsicDimension {
  /// How many singular values of a dm/dx = S / level^2 exceed the threshold: a leaf [B] f64, computed on the
  /// host.
  Tensor rank;
  /// Their sum for an exact field, tr S / level^2: [B]. On the linear path t (D + (1-t) div v).
  Tensor trace;
};

/// Where the data lie on a smooth manifold that is flat and evenly filled over the noise level, S is level^2
/// along it and 0 across (arXiv 2605.00941 for the trace as t goes to 1): singular values of a dm/dx are 1
/// along it, more where data spread out, and 0 across. The level must lie between the distance of
/// neighbouring data, below which a field that knows finitely many memorises them and both numbers fall to 0,
/// and the radius of curvature. The default threshold is half-way between 0 and 1.
/// @throws Error unless the threshold is inside (0, 1), and where the field mixes samples or has a NaN.
IntrinsicDimension intrinsic_dimension(const Posterior& posterior, double threshold = 0.5);

}  // namespace nabla::uncertainty
