#pragma once

#include <optional>

#include "flow/path.h"

namespace nabla::flow {

/// The flow from noise to N(mu, Q diag(l) Q^T) in closed form. In every eigen-direction, with D_t = s^2 + a^2
/// l:
///   m = mu + (a l / D_t)(x - a mu),  S = l s^2 / D_t,  v = a' mu + ((s s' + a a' l) / D_t)(x - a mu).
/// x [B, D], t [B, 1] or [1, 1].
class GaussianField {
 public:
  /// mean [D], variances l [D] and an orthogonal basis Q [D, D] with eigenvectors as columns (identity if
  /// absent).
  /// @throws Error where shapes do not fit or a variance is negative or not finite.
  GaussianField(const Tensor& mean, const Tensor& variances,
                const std::optional<Tensor>& basis = std::nullopt, AffinePath path = linear_path());

  Tensor velocity(const Tensor& x, const Tensor& t) const;
  /// E[x1 | x_t = x]: [B, D].
  Tensor posterior_mean(const Tensor& x, const Tensor& t) const;
  /// Cov(x1 | x_t), which does not depend on x: [1 or B, D, D].
  Tensor posterior_covariance(const Tensor& t) const;
  /// Where the flow takes x from time t to time r: a_r mu + sqrt(D_r / D_t)(x - a_t mu).
  Tensor flow_map(const Tensor& x, const Tensor& t, const Tensor& r) const;
  /// The average velocity (flow_map(x, t, r) - x) / (r - t), for r != t.
  Tensor average_velocity(const Tensor& x, const Tensor& t, const Tensor& r) const;

 private:
  Tensor spread(const Tensor& t) const;                                        // D_t: [1 or B, D]
  Tensor scale(const Tensor& x, const Tensor& t, const Tensor& factor) const;  // Q factor Q^T (x - a mu)

  AffinePath path_;
  Tensor mean_;       // [1, D]
  Tensor variances_;  // [1, D]
  std::optional<Tensor> basis_;
};

}  // namespace nabla::flow
