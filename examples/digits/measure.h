#pragma once

#include <optional>
#include <vector>

#include "examples/digits/dataset.h"
#include "flow/flow.h"

namespace nabla::digits {

/// What the closed-form field of the training images says.
struct OracleMeasure {
  double trace_mean = 0;
  double calibration = 0;
  double relative_error = 0;  ///< of the trained field's traces: E|tr S - tr S_oracle| / E tr S_oracle
};

/// What the posterior of noisy held-out images at one time turns out to be.
struct PosteriorMeasure {
  double t = 0;
  double trace_mean = 0;       ///< E tr S
  double calibration = 0;      ///< E|x1 - m|^2 / E tr S
  double symmetry_defect = 0;  ///< of dm/dx, mean over images
  double negative_mass = 0;    ///< of dm/dx, mean over images
  /// The closed-form field of the training images on the same input, where it has not memorised them (t <=
  /// 1/2).
  std::optional<OracleMeasure> oracle;
};

inline constexpr double kLastOracleTime = 0.5;

/// Measures a field at time t on clean images x1 [n, 64] with noise drawn from `key`. `oracle` is in f64, or
/// null. @throws Error if the metadata of the field say that its Jacobian tells no posterior; so do the maps.
PosteriorMeasure measure_posterior(const flow::TimedField& field, const flow::FieldMetadata& metadata,
                                   const flow::EmpiricalField* oracle, const Tensor& x1, double t,
                                   const Tensor& key);

/// Noisy images, their posterior means and standard deviations per pixel, [n, 64] each.
struct PosteriorMaps {
  double t = 0;
  Tensor noisy, mean, deviation;
};
PosteriorMaps posterior_maps(const flow::TimedField& field, const flow::FieldMetadata& metadata,
                             const Tensor& x1, const Tensor& x0, double t);

/// The largest error of the divergence-uncertainty identity in f64: the covariance that follows from the
/// Jacobian of the closed-form field of `data` [n, D], against the covariance from its weights, over times in
/// [.02, .98], at noisy versions of `x1` [B, D], for the linear and the trigonometric path. Errors of
/// elements and of the trace are divided by |s^2 s' / (a (a' s - a s'))| D, which is ((1-t)^2 / t) D on the
/// linear path.
double identity_error(const Tensor& data, const Tensor& x1, const Tensor& key);

}  // namespace nabla::digits
