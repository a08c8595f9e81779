#pragma once

#include <cstdint>

#include "engine/tensor/tensor.h"

// Trivial generators fitted to data [n, D]: each gives [count, D] of the data's type. A metric that cannot
// tell them from data proves little. @throws Error if the data is not [n, D] of finite floating numbers with
// n >= 1, or count < 1.

namespace nabla::flow {

/// N(0, I), not fitted at all.
Tensor noise(const Tensor& key, const Tensor& data, std::int64_t count);

/// Independent Gaussian elements with the data's means and variances (divisor n).
Tensor independent_gaussians(const Tensor& key, const Tensor& data, std::int64_t count);

/// The Gaussian with the data's mean and covariance (divisor n): mean + G (data - mean) / sqrt(n) with G
/// [count, n] standard normal has that covariance without a decomposition.
Tensor full_gaussian(const Tensor& key, const Tensor& data, std::int64_t count);

/// The log-density of x [m, D] under that Gaussian, in nats: [m] f64. A density model that gives held-out
/// data no more has learned no more than mean and covariance. By eigenvalues, on the calling thread in
/// O(D^3). @throws Error if the covariance has no inverse, to rounding: data of fewer than D + 1 samples, or
/// with elements that never change; blur it as the model's data.
Tensor full_gaussian_log_density(const Tensor& data, const Tensor& x);

}  // namespace nabla::flow
