#pragma once

#include <functional>
#include <optional>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// A network made into a velocity field of the linear path: the exact field of a Gaussian with the data's
/// element-wise mean mu and variance l, plus the network on inputs and outputs of unit size. With D_t =
/// (1-t)^2 + t^2 l:
///   u(x, t, r) = mu + k(t, r)(x - t mu) + sqrt(l / D_t) F((x - t mu) / sqrt(D_t), t, r - t),
///   k(t, r) = ((r + t)(1 + l) - 2) / (D_t + sqrt(D_t D_r)),
/// the average velocity between t and r, and v(x, t) = u(x, t, t) without a 0/0. Where F = 0 it is exact for
/// the Gaussian. Without the linear part, a network narrower than D could not reach the covariance of D
/// elements. An element with l = 0 is left to the linear part, for t <= 1; at t = 1 itself, where D_t = 0,
/// its velocity is mu, the mean over the noise, and F sees 0. x [B, D]; t and r [B, 1] or [1, 1].
class PreconditionedField {
 public:
  /// F(z, t, gap) with z [B, D] and gap = r - t, shaped like t or r.
  using Network = std::function<Tensor(const Tensor& z, const Tensor& t, const Tensor& gap)>;

  /// mean and variance [D], read here. @throws Error if shapes do not fit or a variance is negative or not
  /// finite.
  PreconditionedField(const Tensor& mean, const Tensor& variance, Network network);

  /// v(x, t) = u(x, t, t).
  Tensor velocity(const Tensor& x, const Tensor& t) const;
  /// u(x, t, r).
  Tensor average_velocity(const Tensor& x, const Tensor& t, const Tensor& r) const;

 private:
  Tensor root(const Tensor& t) const;                                         // sqrt(D_t)
  Tensor field(const Tensor& x, const Tensor& from, const Tensor& to) const;  // u(x, from, to)

  Tensor mean_;                  // [1, D]
  Tensor variance_;              // [1, D]
  std::optional<Tensor> fixed_;  // [1, D]: is the variance 0? Nothing if none is
  Network network_;
};

}  // namespace nabla::flow
