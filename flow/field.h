#pragma once

#include <functional>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// A velocity field v(x, t): samples x [B, *S] and times t [B, 1], or [1, 1] when all share one, to
/// velocities [B, *S]. Time runs from noise at 0 to data at 1.
using TimedField = std::function<Tensor(const Tensor& x, const Tensor& t)>;

/// An average velocity u(x, t, r): what carries a sample from time t to time r in one step, x_r = x_t + (r -
/// t) u(x_t, t, r). Shapes as for a velocity, r like t. Its limit u(x, t, t) is the velocity v(x, t); only
/// that, and not u with r != t, tells the posterior.
using AverageField = std::function<Tensor(const Tensor& x, const Tensor& t, const Tensor& r)>;

/// v(x, t) = u(x, t, t).
TimedField instantaneous(AverageField u);

/// t as a factor of x: [B, 1, ..] or [1, 1, ..] with x's rank. @throws Error naming `what` if t is not [B, 1]
/// or [1, 1] or has another type than x.
Tensor time_factor(const char* what, const Tensor& t, const Tensor& x);

/// Refuses a velocity that has not the shape of its samples x. @throws Error naming `what` and both shapes.
void require_velocity(const char* what, const Tensor& velocity, const Tensor& x);

/// The time of all samples as a leaf [1, 1]: a new value does not make a new graph. `dtype` is f32 or f64.
Tensor shared_time(double t, DType dtype);

}  // namespace nabla::flow
