#pragma once

#include <functional>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// A network made into a velocity field of the linear path: the exact field of a Gaussian with the data's
/// element-wise mean mu and variance l, plus the network on inputs and outputs of unit size. With D_t =
/// (1-t)^2 + t^2 l:
///   u(x, t, r) = mu + k(t, r)(x - t mu) + sqrt(l / D_t) F((x - t mu) / sqrt(D_t), t, r - t),
///   k(t, r) = ((r + t)(1 + l) - 2) / (D_t + sqrt(D_t D_r)),
/// the average velocity between t and r, and v(x, t) = u(x, t, t) without a 0/0. Where F = 0 it is exact for
/// the Gaussian. Without the linear part, a network narrower than D could not reach the covariance of D
/// elements. x [B, D]; t and r [B, 1] or [1, 1].
class PreconditionedField {
 public:
  /// F(z, t, gap) with z [B, D] and gap = r - t, shaped like t or r.
  using Network = std::function<Tensor(const Tensor& z, const Tensor& t, const Tensor& gap)>;

  /// mean and variance [D]. @throws Error if shapes do not fit.
  PreconditionedField(const Tensor& mean, const Tensor& variance, Network network);

  /// v(x, t) = u(x, t, t).
  Tensor velocity(const Tensor& x, const Tensor& t) const;
  /// u(x, t, r).
  Tensor average_velocity(const Tensor& x, const Tensor& t, const Tensor& r) const;

 private:
  Tensor spread(const Tensor& t) const;

  Tensor mean_;      // [1, D]
  Tensor variance_;  // [1, D]
  Network network_;
};

}  // namespace nabla::flow
