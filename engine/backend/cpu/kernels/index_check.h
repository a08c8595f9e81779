#pragma once

#include <cstdint>
#include <string>

#include "engine/tensor/error.h"
#include "engine/tensor/shape.h"

namespace nabla::cpu {

/// Indices are checked in runs of this many, which are then in the caches.
inline constexpr std::int64_t kIndexRun = 1024;

/// @throws Error naming the first of `count` indices, `stride` apart, that is outside `axis` of `shape`.
inline void require_indices(const char* primitive, const std::int64_t* indices, std::int64_t stride,
                            std::int64_t count, int axis, const Shape& shape) {
  const std::uint64_t last = static_cast<std::uint64_t>(shape[axis]) - 1;
  // Outside, the index or its distance to the last one is negative: signs are what every vector can collect.
  const auto sign = [last](std::int64_t index) {
    return static_cast<std::uint64_t>(index) | (last - static_cast<std::uint64_t>(index));
  };
  std::uint64_t signs = 0;
  if (stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) signs |= sign(indices[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) signs |= sign(indices[i * stride]);
  }
  if (signs >> 63 == 0) return;
  while (sign(*indices) >> 63 == 0) indices += stride;
  throw Error(std::string(primitive) + ": index " + std::to_string(*indices) + " is outside axis " +
              std::to_string(axis) + " of " + to_string(shape));
}

}  // namespace nabla::cpu
