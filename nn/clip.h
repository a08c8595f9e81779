#pragma once

#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::nn {

struct ClippedGradients {
  std::vector<Tensor> gradients;
  Tensor norm;  ///< f64, rank 0: the norm before clipping
};

/// Scales gradients by one factor so that their norm, the root of the sum of all squares, is `max_norm` at
/// most (Pascanu, Mikolov and Bengio, arXiv 1211.5063, algorithm 1); below it they stay what they are, to the
/// bit. The norm is taken in f64. Where it is not finite the gradients become NaN or 0, so look at it.
/// @throws Error unless max_norm is positive and finite and the gradients are of floating type.
ClippedGradients clip_by_global_norm(const std::vector<Tensor>& gradients, double max_norm);

}  // namespace nabla::nn
