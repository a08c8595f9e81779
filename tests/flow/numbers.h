#pragma once

#include <cstdint>

#include "engine/engine.h"

// Shorthand of the flow's tests.

namespace nabla::flow {

inline double largest(const Tensor& x) { return reduce_max(abs(x)).item(); }

/// The largest difference between two tensors.
inline double distance(const Tensor& a, const Tensor& b) { return largest(a - b); }

inline Tensor random_normal(std::uint64_t seed, const Shape& shape) {
  return normal(random_key(seed), shape, DType::f64);
}

}  // namespace nabla::flow
