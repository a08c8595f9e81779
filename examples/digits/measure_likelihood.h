#pragma once

#include <cstdint>
#include <functional>

#include "engine/tensor/tensor.h"
#include "flow/field.h"

namespace nabla::digits {

/// The likelihood of held-out digits under a velocity field.
struct LikelihoodMeasure {
  double bits_per_dim = 0;    ///< of the 17 levels; no model: log2 17 = 4.09
  double standard_error = 0;  ///< of the mean over images
  double quadrature_error =
      0;  ///< bits that the mean may be off by because divergences are taken at few times
  std::int64_t images = 0;
  std::int64_t divergences = 0;  ///< exact divergences along each trajectory
  double seconds = 0;
};

/// x1: dequantised images [n, 64]. `on_progress` is called with the share done, from 0 to 1.
LikelihoodMeasure measure_likelihood(const flow::TimedField& v, const Tensor& x1,
                                     const std::function<void(double share)>& on_progress = nullptr);

/// Bits per dimension of x1 [m, 64] under one Gaussian with mean and covariance of the training images: what
/// a network must fall below.
double gaussian_bits_per_dim(const Tensor& training, const Tensor& x1);

}  // namespace nabla::digits
