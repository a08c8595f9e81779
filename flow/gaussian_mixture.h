#pragma once

#include "flow/path.h"

namespace nabla::flow {

/// The flow from noise to a mixture of Gaussians with diagonal covariances, in closed form with its
/// posterior: a data law that is smooth, has several modes and a posterior with correlations. x [B, D], t [B,
/// 1] or [1, 1].
class GaussianMixtureField {
 public:
  /// weights [C] (not all 0, normalised here), means [C, D], variances [C, D]. @throws Error where shapes do
  /// not fit, or a weight or variance is negative or not finite.
  GaussianMixtureField(const Tensor& weights, const Tensor& means, const Tensor& variances,
                       AffinePath path = linear_path());

  Tensor velocity(const Tensor& x, const Tensor& t) const;
  /// P(component | x_t = x): [B, C].
  Tensor responsibilities(const Tensor& x, const Tensor& t) const;
  /// E[x1 | x_t = x]: [B, D].
  Tensor posterior_mean(const Tensor& x, const Tensor& t) const;
  /// Cov(x1 | x_t = x): [B, D, D].
  Tensor posterior_covariance(const Tensor& x, const Tensor& t) const;

 private:
  struct AtTime {
    Tensor a;       // [B or 1, 1, 1]
    Tensor spread;  // s^2 + a^2 l: [B or 1, C, D]
    Tensor noise;   // s^2: [B or 1, 1, 1]
  };
  AtTime at(const Tensor& x, const Tensor& t) const;
  Tensor responsibilities(const AtTime& at, const Tensor& x) const;
  Tensor component_means(const AtTime& at, const Tensor& x) const;

  AffinePath path_;
  Tensor log_weights_;  // [1, C]
  Tensor means_;        // [1, C, D]
  Tensor variances_;    // [1, C, D]
};

}  // namespace nabla::flow
