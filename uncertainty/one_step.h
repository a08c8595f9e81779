#pragma once

#include "engine/autodiff/jacobian/jacobian.h"
#include "flow/field.h"
#include "uncertainty/posterior.h"

// What a one-step model T(x0) = x0 + u(x0, 0, 1) knows of its uncertainty. T itself is deterministic, and at
// t = 0 the identity between divergence and posterior covariance has no content of its own for a sample: S is
// the same for every x0. Three forms are sound, and they answer different questions. Linear path, standard
// normal source.
//
// x and x0 [B, *S] with D elements a sample; t [B, 1] or [1, 1], inside (0, 1). @throws Error where shapes do
// not fit, times lie outside, or the field mixes samples.

namespace nabla::uncertainty {

/// (A) Tweedie at an inner time: x_t = x0 + t u(x0, 0, t), reached in one evaluation, and what the
/// instantaneous velocity v(x, t) = u(x, t, t) says there about the data behind it.
struct InnerPosterior {
  Tensor x_t;           ///< a leaf [B, *S]
  Posterior posterior;  ///< at x_t
};
InnerPosterior inner_posterior(const flow::AverageField& u, const Tensor& x0, const Tensor& t,
                               const PosteriorOptions& options = {});

/// (B) The push-forward of the remaining noise: (1-t)^2 X X^T with X = dT/dx, the Jacobian of the one-step
/// map T(x) = x + (1-t) u(x, t, 1) from t to the data: [B, D, D]. It equals Cov(x1 | x_t) for every Gaussian
/// data law; elsewhere it is the spread that T itself makes of noise of that size around x, to first order.
Tensor push_forward_covariance(const flow::AverageField& u, const Tensor& x, const Tensor& t,
                               const JacobianOptions& options = {});

/// (C) The exact log-density of the one-step model at T(x0): log N(x0; 0, I) - log|det(I + du/dx0)|, as a
/// leaf [B] f64; by full Jacobians and their LU decompositions. A map that is not invertible at x0 gives
/// infinity.
Tensor one_step_log_density(const flow::AverageField& u, const Tensor& x0,
                            const JacobianOptions& options = {});

}  // namespace nabla::uncertainty
