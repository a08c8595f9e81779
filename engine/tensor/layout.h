#pragma once

#include "engine/tensor/shape.h"

namespace nabla {

using Strides = std::array<std::int64_t, kMaxRank>;

/// Where the elements of a tensor lie in its buffer: element (i, j, ..) is at offset + i*strides[0] +
/// j*strides[1] + .. A stride is 0 along a broadcast axis and negative along a flipped one. All in elements.
struct Layout {
  Shape shape;
  Strides strides{};
  std::int64_t offset = 0;

  static Layout dense(const Shape& shape) { return {shape, dense_strides(shape), 0}; }
  /// The stride of an axis, from either side.
  std::int64_t& stride(int axis) { return strides[axis < 0 ? axis + shape.rank() : axis]; }
  /// The same elements repeated along axes of extent 1, to a shape of the same rank.
  Layout broadcast_to(const Shape& target) const {
    Layout result{target, strides, offset};
    for (int i = 0; i < shape.rank(); ++i)
      if (shape[i] != target[i]) result.strides[i] = 0;
    return result;
  }
  /// True if the elements lie in row-major order without gaps (extents of 1 impose nothing).
  bool is_dense() const {
    std::int64_t expected = 1;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      if (shape[i] == 1) continue;
      if (strides[i] != expected) return shape.size() == 0;
      expected *= shape[i];
    }
    return true;
  }
};

/// The stride along an axis (from the right); 0 where the extent is 1.
inline std::int64_t line_stride(const Layout& layout, int axis) {
  return layout.shape[axis] == 1 ? 0 : layout.strides[layout.shape.rank() + axis];
}

}  // namespace nabla
