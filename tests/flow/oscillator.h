#pragma once

#include <cmath>

#include "engine/engine.h"

// An equation of two elements in which every order condition shows: nonlinear, coupled, and of the time. In
// polar coordinates r' = r (1 - r^2) (1 + t / 2) and phi' = 2 + cos t, each with a closed form.

namespace nabla::flow {

/// Three samples [3, 2] at time 0, inside of the limit cycle, on it and outside of it.
inline Tensor oscillator_start() { return tensor<double>({0.5, 0.1, 0.6, -0.8, -1.2, 0.9}, Shape{3, 2}); }

/// The velocity of x [B, 2] at times t [B, 1] or [1, 1].
inline Tensor oscillator(const Tensor& x, const Tensor& t) {
  const Tensor a = x({all, range(0, 1)}), b = x({all, range(1, 2)});
  const Tensor growth = (1 - square(a) - square(b)) * (1 + t * 0.5), turn = 2 + cos(t);
  return concatenate({growth * a - turn * b, growth * b + turn * a}, 1);
}

/// Where oscillator_start() is at time t, [3, 2].
inline Tensor oscillator_at(double t) {
  std::vector<double> x = oscillator_start().to_vector<double>();
  for (std::size_t i = 0; i < x.size(); i += 2) {
    const double square = x[i] * x[i] + x[i + 1] * x[i + 1];
    const double radius = 1 / std::sqrt(1 + (1 / square - 1) * std::exp(-2 * (t + t * t / 4)));
    const double angle = std::atan2(x[i + 1], x[i]) + 2 * t + std::sin(t);
    x[i] = radius * std::cos(angle);
    x[i + 1] = radius * std::sin(angle);
  }
  return tensor<double>(x, Shape{3, 2});
}

}  // namespace nabla::flow
