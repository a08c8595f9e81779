#include "engine/backend/cpu/kernels/loop.h"

#include "engine/backend/cpu/threads/thread_pool.h"

namespace nabla::cpu {

template <std::size_t N>
void for_each_run(const Walk<N>& walk, const RunFunction<N>& row, std::int64_t weight) {
  const std::int64_t inner = walk.inner_extent();
  const std::int64_t outer = walk.outer_size();
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
    for (int i = walk.rank() - 2; i >= 0; --i) {
      at[i] = rest % walk[i].extent;
      rest /= walk[i].extent;
      for (std::size_t k = 0; k < N; ++k) offsets[k] += at[i] * walk[i].strides[k];
    }
    if (pieces > 1) {
      const std::int64_t start = task % pieces * per_task;
      for (std::size_t k = 0; k < N; ++k) offsets[k] += start * walk.inner_stride(k);
      row(offsets, std::min(per_task, inner - start));
      return;
    }
    for (std::int64_t r = first; r < last; ++r) {
      row(offsets, inner);
      for (int i = walk.rank() - 2; i >= 0; --i) {
        for (std::size_t k = 0; k < N; ++k) offsets[k] += walk[i].strides[k];
        if (++at[i] < walk[i].extent) break;
        for (std::size_t k = 0; k < N; ++k) offsets[k] -= walk[i].extent * walk[i].strides[k];
        at[i] = 0;
      }
    }
  };
  if (tasks == 1) return work(0);
  parallel_for(tasks, work);
}

template void for_each_run<1>(const Walk<1>&, const RunFunction<1>&, std::int64_t);
template void for_each_run<2>(const Walk<2>&, const RunFunction<2>&, std::int64_t);
template void for_each_run<3>(const Walk<3>&, const RunFunction<3>&, std::int64_t);
template void for_each_run<4>(const Walk<4>&, const RunFunction<4>&, std::int64_t);

}  // namespace nabla::cpu
