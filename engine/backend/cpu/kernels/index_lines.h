#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/backend/cpu/kernels/index_check.h"
#include "engine/backend/cpu/kernels/kernels.h"
#include "engine/backend/cpu/kernels/loop.h"

namespace nabla::cpu {

/// What a primitive that moves elements by indices walks: the lines along its axis (attribute 0) of output,
/// first input and indices, which the walk has in this order.
struct IndexLines {
  /// Neighbouring lines that are moved side by side: a line of the cache of f32.
  static constexpr std::int64_t kColumns = 16;
  /// What these may take of the second-level cache.
  static constexpr std::int64_t kPanelBytes = std::int64_t{1} << 20;

  const char* primitive;
  int axis;
  const Shape& shape;              // what the indices count along the axis
  std::int64_t extent;             // of that
  std::int64_t length;             // of the indices
  std::int64_t out, input, index;  // strides along the axis
  Walk<3> lines;

  IndexLines(const char* name, const KernelCall& call, const Shape& indexed)
      : primitive(name), axis(static_cast<int>(call.attributes[0])), shape(indexed), extent(indexed[axis]) {
    Layout output = call.output.layout, moved = call.inputs[0].layout, indices = call.inputs[1].layout;
    length = indices.shape[axis];
    out = line_stride(output, axis);
    input = line_stride(moved, axis);
    index = line_stride(indices, axis);
    output.shape[axis] = moved.shape[axis] = indices.shape[axis] = 1;
    lines = merged<3>(output.shape, {&output, &moved, &indices});
  }

  /// @throws Error naming the first of `count` indices, `stride` apart, that is outside.
  void require(const std::int64_t* indices, std::int64_t stride, std::int64_t count) const {
    require_indices(primitive, indices, stride, count, axis, shape);
  }

  /// Calls run(first, last) for parts of [0, count), each when its indices have been checked and are in the
  /// caches.
  template <class Run>
  void for_each_checked(const std::int64_t* indices, std::int64_t stride, std::int64_t count, Run run) const {
    for (std::int64_t first = 0; first < count; first += kIndexRun) {
      const std::int64_t last = std::min(count, first + kIndexRun);
      require(indices + first * stride, stride, last - first);
      run(first, last);
    }
  }
};

}  // namespace nabla::cpu
