#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/autodiff/jacobian/jacobian.h"
#include "engine/spectral/deflated_trace.h"
#include "flow/field.h"

namespace nabla::flow {

/// Sixteen nodes reach 1e-4 nats for a Gaussian with variances from .001 to 2, the defaults 1e-5; data of
/// several modes need more: with two overlapping Gaussians the defaults are up to .005 off, 40 nodes 1e-4
/// (tests/flow/likelihood_test.cpp, f64). Likelihood::quadrature_error says so of a result.
struct LikelihoodOptions {
  /// Times at which the divergence is taken, which is what costs: a forward pass with D tangents each
  /// where it is exact.
  std::int64_t nodes = 24;
  /// RK4 steps from node to node, at four evaluations of the field each.
  std::int64_t steps_between_nodes = 4;
  /// Nodes crowd towards data: they are spread over u with 1 - t = u^power. At least 1.
  double power = 2;
  /// Samples worked on at once.
  std::int64_t rows = 256;
  /// How the divergence is found. A method that estimates draws anew at every node; its error is in
  /// standard_error.
  JacobianOptions jacobian = {};
  /// Estimates the divergence from rank + probes products a node instead, taking the leading directions of
  /// the Jacobian along from node to node (see DeflatedTrace). Needs jacobian.key.
  std::optional<DeflationOptions> deflation = {};
};

struct Likelihood {
  Tensor log_density;            ///< log p1(x1) in nats, [B] f64
  Tensor x0;                     ///< the noise that the flow takes to x1, [B, *S]
  std::int64_t evaluations = 0;  ///< of the field by RK4, of each sample
  std::int64_t divergences = 0;  ///< of each sample
  Tensor standard_error;         ///< of log_density, by the estimates of the divergence: [B] f64; 0 if exact
  /// How far log_density may be off because the divergence is taken at few times: [B] f64. By how the
  /// Legendre coefficients of the divergence along the trajectory fall, extrapolated with care: the error
  /// exceeds it in one sample of a hundred, and is a fiftieth of it on average. NaN for fewer than 4 nodes;
  /// the noise of estimates counts as coefficients that do not fall.
  Tensor quadrature_error;
  std::int64_t products = 0;  ///< with the Jacobian of each sample, where directions are carried along
};

/// Called after each node with the number of nodes done and of all nodes, over all blocks of rows.
using LikelihoodCallback = std::function<void(std::int64_t done, std::int64_t total)>;

/// The log-density of samples x1 [B, *S] (f32 or f64) under the flow of v from N(0, I) at t = 0 to t = 1:
///   log p1(x1) = log N(x0; 0, I) - int_0^1 div v(x_t, t) dt
/// along the trajectory that ends in x1 (Chen et al., arXiv 1806.07366, equation 8). The divergence is exact,
/// or estimated without bias; the integral is Gauss and Legendre's, in u with 1 - t = u^power, and the
/// trajectory RK4's from t = 1 backwards. v is never asked at t = 1 itself, where closed-form fields divide
/// by s(1) = 0. A field that turns NaN gives NaN.
/// @throws Error if x1 or the options do not fit, or the field mixes samples or changes the shape.
Likelihood log_likelihood(const TimedField& v, const Tensor& x1, const LikelihoodOptions& options = {},
                          const LikelihoodCallback& on_node = nullptr);

/// log N(x; 0, I) of each sample of x [B, *S], in f64 whatever the type of x: [B].
Tensor standard_normal_log_density(const Tensor& x);

/// -log p / (D ln 2) + log2(levels / 2): bits per dimension of discrete data k = 0 .. levels-1 from the mean
/// log-density, in nats, of the data made continuous as x = 2 (k + u) / levels - 1 with u uniform in [0, 1),
/// of D = `dimensions` elements. @throws Error unless dimensions >= 1 and levels >= 1.
double bits_per_dim(double mean_log_density, std::int64_t dimensions, std::int64_t levels);

}  // namespace nabla::flow
