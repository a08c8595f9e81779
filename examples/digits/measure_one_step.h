#pragma once

#include <vector>

#include "engine/tensor/tensor.h"
#include "flow/field.h"
#include "flow/field_metadata.h"

namespace nabla::digits {

/// How far an average velocity is from the identities that an exact one satisfies, on noisy held-out images
/// at sorted uniform times: root mean squares, relative to that of the average velocity (identity) and of the
/// displacement (r - t) u (split).
struct ResidualMeasure {
  double identity = 0;  ///< u - (v + (r - t) du/dt)
  double split = 0;     ///< one step against two, half-way in time
};
ResidualMeasure measure_residuals(const flow::AverageField& u, const Tensor& x1, const Tensor& key);

/// The three forms of uncertainty of a one-step model, which answer different questions.
struct OneStepMeasure {
  struct AtTime {
    double t = 0;
    double inner_trace = 0;         ///< (A) E tr S at x_t = x0 + t u(x0, 0, t), reached from noise
    double held_out_trace = 0;      ///< E tr S at noisy held-out images: what (A) should equal
    double push_forward_trace = 0;  ///< (B) E tr (1-t)^2 X X^T at the same noisy images
    double push_forward_ratio = 0;  ///< E|x1 - m|^2 / (B), 1 where it is as wide as the mean is wrong
  };
  std::vector<AtTime> times;
  /// (C) E log p of the one-step model at its own samples, as bits per dimension of 17 levels, and what the
  /// same network's velocity says of the same samples by integrating its divergence.
  double one_step_bits_per_dim = 0;
  double integrated_bits_per_dim = 0;
};
/// x1: held-out images [n, 64]. Noise comes from `key`. @throws Error if the metadata of the field say that
/// its Jacobian tells no posterior; so do the maps.
OneStepMeasure measure_one_step(const flow::AverageField& u, const flow::FieldMetadata& metadata,
                                const Tensor& x1, const Tensor& key);

/// One-step samples with the uncertainty behind them, [n, 64] each.
struct OneStepMaps {
  double t = 0;
  Tensor sample;        ///< T(x0)
  Tensor mean;          ///< (A) posterior mean at the inner time t
  Tensor inner;         ///< (A) standard deviation per pixel
  Tensor push_forward;  ///< (B) standard deviation per pixel at the same x_t
};
OneStepMaps one_step_maps(const flow::AverageField& u, const flow::FieldMetadata& metadata, const Tensor& x0,
                          double t);

}  // namespace nabla::digits
