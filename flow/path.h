#pragma once

#include <functional>
#include <string>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// An affine path x_t = a(t) x1 + s(t) x0 from noise x0 at t = 0 to data x1 at t = 1: a(0) = 0, a(1) = 1,
/// s(0) = 1, s(1) = 0. The schedules act on tensors of any shape, element by element.
struct AffinePath {
  using Schedule = std::function<Tensor(const Tensor& t)>;

  std::string name;
  Schedule a;
  Schedule s;
  Schedule a_rate;  ///< da/dt
  Schedule s_rate;  ///< ds/dt

  /// a' s - a s', which relates the velocity to the posterior mean: s v = s' x + (a' s - a s') m.
  Tensor wronskian(const Tensor& t) const;
};

/// x_t = t x1 + (1 - t) x0.
AffinePath linear_path();
/// x_t = sin(pi t / 2) x1 + cos(pi t / 2) x0, which keeps the variance of data with unit variance.
AffinePath trigonometric_path();
/// A path with schedules of the caller's, whose rates the engine derives. @throws Error unless a(0) = 0, a(1)
/// = 1, s(0) = 1 and s(1) = 0, to 1e-3: a little noise may be left on the data.
AffinePath make_path(std::string name, AffinePath::Schedule a, AffinePath::Schedule s);

/// A point of a conditional path and the velocity of that path there.
struct PathPoint {
  Tensor x;         ///< a(t) x1 + s(t) x0
  Tensor velocity;  ///< a'(t) x1 + s'(t) x0
};
/// x0 and x1 [B, *S], t [B, 1] or [1, 1]. @throws Error where shapes do not fit.
PathPoint interpolate(const AffinePath& path, const Tensor& x0, const Tensor& x1, const Tensor& t);

/// The velocity field whose posterior mean E[x1 | x_t = x] is m: (s' x + (a' s - a s') m) / s.
Tensor velocity_from_mean(const AffinePath& path, const Tensor& m, const Tensor& x, const Tensor& t);

}  // namespace nabla::flow
