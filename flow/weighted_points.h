#pragma once

#include "engine/tensor/tensor.h"

// Points z [n, D] beside samples of a batch, without memory for [B, n, D].

namespace nabla::flow {

/// |z_i - c_b|^2 from c [B, D], by differences, so that points near c lose no digits: [B, n].
Tensor squared_distances_from(const Tensor& c, const Tensor& z);

/// sum_i w_i (z_i - m)(z_i - m)^T with m = sum_i w_i z_i for weights w [B, n] of sum 1: [B, D, D]. Points are
/// taken in blocks, whose differences from m are some 32 MB.
Tensor weighted_covariance(const Tensor& w, const Tensor& z);

}  // namespace nabla::flow
