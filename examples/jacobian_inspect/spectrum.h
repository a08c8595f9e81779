#pragma once

#include <cstdint>
#include <vector>

#include "examples/jacobian_inspect/subjects.h"

namespace nabla::jacobian_inspect {

/// A singular value counts for the rank if it is larger than this share of the largest.
inline constexpr double kRankThreshold = 0.01;

/// Where no singular value of A is larger than this, nothing but rounding is left of I + (1-t) J.
inline constexpr double kSmallestNorm = 1e-6;

/// What A = I + (1-t) J, J = dv/dx, is like at one time. All numbers are means over samples, those of rank
/// and symmetry over the samples whose A is more than rounding.
struct SpectrumAtTime {
  double t = 0;
  /// Of the symmetric part of A, descending. Those of J are (value - 1) / (1 - t).
  std::vector<double> eigenvalues;
  /// Singular values of t A above 1/2: directions along the data, see uncertainty::intrinsic_dimension.
  double dimension = 0;
  std::int64_t resolved = 0;   ///< samples whose A is more than rounding; without one, these are NaN:
  double rank = 0;             ///< singular values of A above kRankThreshold times the largest
  double symmetry_defect = 0;  ///< |A - A^T| / |A + A^T|, Frobenius norms
  double negative_mass = 0;    ///< share of negative eigenvalues of the symmetric part
};

/// At `samples` noisy versions of the subject's data, the same noise at every time.
SpectrumAtTime inspect_spectrum(const Subject& subject, double t, std::int64_t samples, const Tensor& key);

}  // namespace nabla::jacobian_inspect
