#pragma once

#include "examples/gmm_oracle/mixture.h"
#include "examples/report/image_grid.h"

namespace nabla::gmm_oracle {

/// Which points a picture shows.
enum class Points {
  exact,     ///< of the exact law of x1 given x_t
  gaussian,  ///< Posterior::samples, a Gaussian with the same mean and covariance
};

/// The plane of a 2-D mixture at one time: the density of the data in gray, and in a colour for each noisy
/// sample x [B, 2] its x_t / a as a ring, points of its posterior, and the ellipses of one and two standard
/// deviations that follow from the Jacobian. B is at most 4.
report::Image posterior_picture(const Mixture& mixture, const flow::AffinePath& path, const Tensor& x,
                                double t, const Tensor& key, Points points);

}  // namespace nabla::gmm_oracle
