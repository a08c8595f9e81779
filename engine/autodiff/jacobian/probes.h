#pragma once

#include <cmath>

#include "engine/autodiff/jacobian/jacobian.h"
#include "engine/ops/composed.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"

// Random directions, and what is estimated from them.

namespace nabla {

/// Draws random signs.
inline Tensor random_signs(const Tensor& key, const Shape& shape, DType dtype) {
  return cast(less(uniform(key, shape), 0.5), dtype) * 2.0 - 1.0;
}

/// Takes the mean over the outermost axis, two probes at least, and its standard error.
inline Estimate mean_of_probes(const Tensor& probes) {
  const double count = static_cast<double>(probes.shape()[0]);
  const Tensor middle = mean(probes, {0});
  const Tensor spread = norm(probes - insert_axes(middle, {-probes.rank()}), {0});
  return {middle, spread * (1 / std::sqrt(count * (count - 1)))};
}

}  // namespace nabla
