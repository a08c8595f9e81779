#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>

#include "engine/backend/walk.h"

// Loops over operands of one shape, shared among threads.

namespace nabla::cpu {

/// Elements below which a loop is not worth splitting. Depends on shapes only, as every split must.
inline constexpr std::int64_t kTaskElements = 16384;

/// Calls row(offsets, count) for runs along the innermost axis that together cover the walk, on the thread
/// pool. `weight` is the work behind one element, for instance the length of the line that starts there.
template <std::size_t N>
using RunFunction = std::function<void(const std::array<std::int64_t, N>& offsets, std::int64_t count)>;
template <std::size_t N>
void for_each_run(const Walk<N>& walk, const RunFunction<N>& row, std::int64_t weight = 1);

/// Calls line(offsets) for every line along `axis` (from the right) of operands of shape `shape`; operands
/// may differ in extent along the axis. `length` is the work per line.
template <std::size_t N, class Line>
void for_each_line(Shape shape, int axis, std::int64_t length, std::array<Layout, N> operands, Line line) {
  shape[axis] = 1;
  std::array<const Layout*, N> pointers;
  for (std::size_t k = 0; k < N; ++k) {
    operands[k].shape[axis] = 1;
    pointers[k] = &operands[k];
  }
  const Walk<N> walk = merged<N>(shape, pointers);
  std::array<std::int64_t, N> next;
  for (std::size_t k = 0; k < N; ++k) next[k] = walk.inner_stride(k);
  for_each_run<N>(
      walk,
      [&](const std::array<std::int64_t, N>& start, std::int64_t count) {
        std::array<std::int64_t, N> at = start;
        for (std::int64_t i = 0; i < count; ++i) {
          line(at);
          for (std::size_t k = 0; k < N; ++k) at[k] += next[k];
        }
      },
      length);
}

}  // namespace nabla::cpu
