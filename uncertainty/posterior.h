#pragma once

#include "engine/autodiff/jacobian.h"
#include "flow/field.h"
#include "flow/path.h"

// What a velocity field says about the data behind a noisy sample x_t = a x1 + s x0: with J = dv/dx,
//   m = E[x1 | x_t]   = (s v - s' x) / (a' s - a s'),
//   S = Cov(x1 | x_t) = s^2 (s J - s' I) / (a (a' s - a s')),
// on the linear path m = x + (1-t) v and S = ((1-t)^2 / t)(I + (1-t) J) (arXiv 2605.00941 for the linear
// path).
//
// This holds for the conditional mean velocity of a Gaussian source coupled independently to the data. It
// does not hold for minibatch optimal transport or reflow pairs, for guided fields, for other sources, nor
// for the average velocity u(x, t, r) with r != t. S is the spread of the data given x_t under the model
// (aleatoric); an error of J reaches it multiplied by s^3 / (a w), about 97 at t = .01 and 7 at .1, so form
// it in f32 or f64.
//
// x [B, *S] with D elements a sample; t [B, 1], or better [1, 1] when all share one, strictly between 0
// and 1.
// @throws Error for times that do not fit or lie outside (0, 1), and where the field mixes samples. Where t
// depends on the variable of a transform (vmap or a derivative by time) it has no elements yet, and its range
// is not checked: a time outside (0, 1) then gives values that mean nothing.

namespace nabla::uncertainty {

struct PosteriorOptions {
  flow::AffinePath path = flow::linear_path();
  JacobianOptions jacobian = {};
};

/// m = E[x1 | x_t = x]: [B, *S].
Tensor posterior_mean(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                      const PosteriorOptions& options = {});
/// tr S by the exact divergence: [B].
Tensor posterior_trace(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                       const PosteriorOptions& options = {});
/// The diagonal of S, one variance per element: [B, *S].
Tensor posterior_variance(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                          const PosteriorOptions& options = {});
/// S as the field gives it, not symmetrised: [B, D, D].
Tensor posterior_covariance(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                            const PosteriorOptions& options = {});
/// S times vectors [*L, B, *S] (extents of the batch may be 1: shared by all samples), without forming S, by
/// one forward derivative for all: [*L, B, *S].
Tensor posterior_apply(const flow::TimedField& v, const Tensor& x, const Tensor& t, const Tensor& vectors,
                       const PosteriorOptions& options = {});

/// A = dm/dx = (s J - s' I) / w, on the linear path I + (1-t) J: [B, D, D]. Symmetric and without negative
/// eigenvalues for an exact field, S up to the factor s^2 / a.
Tensor mean_jacobian(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                     const PosteriorOptions& options = {});
/// S for a mean_jacobian that is at hand: (s^2 / a) A, [B, D, D].
Tensor covariance_from_mean_jacobian(const Tensor& mean_jacobian, const Tensor& t,
                                     const PosteriorOptions& options = {});

}  // namespace nabla::uncertainty
