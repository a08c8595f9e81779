#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>

#include "engine/tensor/layout.h"

// Walking several operands of one shape together.

namespace nabla::cpu {

/// Nested loops over N operands with as few axes as their strides allow: axes of extent 1 are gone,
/// neighbours that every operand walks as one are merged. The innermost axis comes last.
template <int N>
struct Loop {
  int rank = 0;
  std::array<std::int64_t, kMaxRank> extents{};
  std::array<std::array<std::int64_t, kMaxRank>, N> strides{};

  std::int64_t inner_extent() const { return rank == 0 ? 1 : extents[rank - 1]; }
  std::int64_t inner_stride(int operand) const { return rank == 0 ? 1 : strides[operand][rank - 1]; }
  std::int64_t outer_count() const {
    std::int64_t count = 1;
    for (int i = 0; i + 1 < rank; ++i) count *= extents[i];
    return count;
  }
};

/// Strides of `layout` when it is broadcast to `shape` (equal ranks).
inline Strides broadcast_strides(const Layout& layout, const Shape& shape) {
  Strides strides{};
  for (int i = 0; i < shape.rank(); ++i) {
    const std::size_t axis = i;
    strides[axis] = layout.shape[i] == 1 ? 0 : layout.strides[axis];
  }
  return strides;
}

template <int N>
Loop<N> make_loop(const Shape& shape, const std::array<const Layout*, N>& operands) {
  Loop<N> loop;
  std::array<Strides, N> full;
  for (std::size_t k = 0; k < N; ++k) full[k] = broadcast_strides(*operands[k], shape);
  for (int i = 0; i < shape.rank(); ++i) {
    const std::size_t axis = i;
    if (shape[i] == 1) continue;
    bool merges = loop.rank > 0;
    const std::size_t last = std::max(0, loop.rank - 1);
    for (std::size_t k = 0; k < N && merges; ++k) merges = loop.strides[k][last] == full[k][axis] * shape[i];
    const std::size_t place = merges ? last : static_cast<std::size_t>(loop.rank++);
    loop.extents[place] = merges ? loop.extents[place] * shape[i] : shape[i];
    for (std::size_t k = 0; k < N; ++k) loop.strides[k][place] = full[k][axis];
  }
  return loop;
}

/// Where the element with this row-major index lies.
template <int N>
std::int64_t loop_offset(const Loop<N>& loop, int operand, std::int64_t index) {
  std::int64_t offset = 0;
  for (int i = loop.rank; i-- > 0;) {
    const std::size_t axis = i;
    offset += index % loop.extents[axis] * loop.strides[operand][axis];
    index /= loop.extents[axis];
  }
  return offset;
}

/// Elements below which a loop is not worth splitting. Depends on shapes only, as every split must.
inline constexpr std::int64_t kTaskElements = 16384;

/// Calls row(offsets, count) for runs along the innermost axis that together cover the loop, on the thread
/// pool. `weight` is the work behind one element, for instance the length of the line that starts there.
template <int N>
using RunFunction = std::function<void(const std::array<std::int64_t, N>& offsets, std::int64_t count)>;
template <int N>
void for_each_run(const Loop<N>& loop, const RunFunction<N>& row, std::int64_t weight = 1);

/// Calls line(offsets) for every line along `axis` (from the right) of operands of shape `shape`; operands
/// may differ in extent along the axis. `length` is the work per line.
template <int N, class Line>
void for_each_line(Shape shape, int axis, std::int64_t length, std::array<Layout, N> operands, Line line) {
  shape[axis] = 1;
  std::array<const Layout*, N> pointers;
  for (std::size_t k = 0; k < N; ++k) {
    operands[k].shape[axis] = 1;
    pointers[k] = &operands[k];
  }
  const Loop<N> loop = make_loop<N>(shape, pointers);
  for_each_run<N>(
      loop,
      [&](const std::array<std::int64_t, N>& start, std::int64_t count) {
        std::array<std::int64_t, N> at = start;
        for (std::int64_t i = 0; i < count; ++i) {
          line(at);
          for (std::size_t k = 0; k < N; ++k) at[k] += loop.inner_stride(static_cast<int>(k));
        }
      },
      length);
}

}  // namespace nabla::cpu
