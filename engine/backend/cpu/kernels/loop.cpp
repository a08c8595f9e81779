#include "engine/backend/cpu/kernels/loop.h"

#include "engine/backend/cpu/threads/thread_pool.h"

namespace nabla::cpu {

template <int N>
void for_each_run(const Loop<N>& loop, const RunFunction<N>& row, std::int64_t weight) {
  const std::int64_t inner = loop.inner_extent();
  const std::int64_t outer = loop.outer_count();
  if (inner == 0 || outer == 0) return;
  // Long rows are cut, short rows are bundled, so that every task has about kTaskElements.
  const std::int64_t per_task = std::max<std::int64_t>(1, kTaskElements / std::max<std::int64_t>(1, weight));
  const std::int64_t pieces = (inner + per_task - 1) / per_task;
  const std::int64_t rows_per_task = std::max<std::int64_t>(1, per_task / inner);
  const std::int64_t units = outer * pieces;
  const std::int64_t tasks = pieces > 1 ? units : (outer + rows_per_task - 1) / rows_per_task;
  const auto work = [&](std::int64_t task) {
    const std::int64_t first = pieces > 1 ? task : task * rows_per_task;
    const std::int64_t last = pieces > 1 ? task + 1 : std::min(outer, first + rows_per_task);
    // Position of the first row; afterwards an odometer moves on.
    std::array<std::int64_t, kMaxRank> at{};
    std::array<std::int64_t, N> offsets{};
    std::int64_t rest = first / pieces;
    for (int i = loop.rank - 2; i >= 0; --i) {
      const std::size_t axis = i;
      at[axis] = rest % loop.extents[axis];
      rest /= loop.extents[axis];
      for (std::size_t k = 0; k < N; ++k) offsets[k] += at[axis] * loop.strides[k][axis];
    }
    if (pieces > 1) {
      const std::int64_t start = task % pieces * per_task;
      for (std::size_t k = 0; k < N; ++k) offsets[k] += start * loop.inner_stride(static_cast<int>(k));
      row(offsets, std::min(per_task, inner - start));
      return;
    }
    for (std::int64_t r = first; r < last; ++r) {
      row(offsets, inner);
      for (int i = loop.rank - 2; i >= 0; --i) {
        const std::size_t axis = i;
        for (std::size_t k = 0; k < N; ++k) offsets[k] += loop.strides[k][axis];
        if (++at[axis] < loop.extents[axis]) break;
        for (std::size_t k = 0; k < N; ++k) offsets[k] -= loop.extents[axis] * loop.strides[k][axis];
        at[axis] = 0;
      }
    }
  };
  if (tasks == 1) return work(0);
  parallel_for(tasks, work);
}

template void for_each_run<1>(const Loop<1>&, const RunFunction<1>&, std::int64_t);
template void for_each_run<2>(const Loop<2>&, const RunFunction<2>&, std::int64_t);
template void for_each_run<3>(const Loop<3>&, const RunFunction<3>&, std::int64_t);
template void for_each_run<4>(const Loop<4>&, const RunFunction<4>&, std::int64_t);

}  // namespace nabla::cpu
