#include "engine/backend/cpu/sum.h"

#include <algorithm>
#include <complex>
#include <vector>

#include "engine/backend/cpu/lane_sum.h"
#include "engine/backend/cpu/reduction_loop.h"
#include "engine/backend/cpu/target.h"
#include "engine/backend/cpu/thread_pool.h"
#include "engine/backend/instruction_set.h"

namespace nabla::cpu {
namespace {

// The loops over dense memory, compiled once more for AVX2. Both name the order of their sums, so that every
// instruction set gives the same bits.

// Adds rows to a row of sums, eight at a time: the sums are then read and written less often.
template <class T>
[[gnu::always_inline]] inline void add_rows(Accumulator<T>* __restrict sums, const T* x, std::int64_t rows,
                                            std::int64_t stride, std::int64_t width) {
  using A = Accumulator<T>;
  std::int64_t r = 0;
  for (; r + 8 <= rows; r += 8) {
    const T* x0 = x + r * stride;
    const T* x4 = x0 + 4 * stride;
    const auto pair = [stride](const T* row, std::int64_t j) {
      return static_cast<A>(row[j]) + static_cast<A>(row[j + stride]);
    };
    for (std::int64_t j = 0; j < width; ++j)
      sums[j] += (pair(x0, j) + pair(x0 + 2 * stride, j)) + (pair(x4, j) + pair(x4 + 2 * stride, j));
  }
  for (; r < rows; ++r)
    for (std::int64_t j = 0; j < width; ++j) sums[j] += static_cast<A>(x[r * stride + j]);
}

template <class T>
struct DenseSums {
  Accumulator<T> (*lane_sum)(const T* x, std::int64_t count);
  void (*add_rows)(Accumulator<T>* sums, const T* x, std::int64_t rows, std::int64_t stride,
                   std::int64_t width);
};

template <class T>
Accumulator<T> lane_sum_baseline(const T* x, std::int64_t count) {
  return lane_sum(x, count);
}
template <class T>
void add_rows_baseline(Accumulator<T>* sums, const T* x, std::int64_t rows, std::int64_t stride,
                       std::int64_t width) {
  add_rows(sums, x, rows, stride, width);
}
template <class T>
NABLAFLOW_TARGET_AVX2 Accumulator<T> lane_sum_avx2(const T* x, std::int64_t count) {
  return lane_sum(x, count);
}
template <class T>
NABLAFLOW_TARGET_AVX2 void add_rows_avx2(Accumulator<T>* sums, const T* x, std::int64_t rows,
                                         std::int64_t stride, std::int64_t width) {
  add_rows(sums, x, rows, stride, width);
}

template <class T>
DenseSums<T> dense_sums() {
  if constexpr (std::is_floating_point_v<T>)
    if (instruction_set() != InstructionSet::baseline) return {&lane_sum_avx2<T>, &add_rows_avx2<T>};
  return {&lane_sum_baseline<T>, &add_rows_baseline<T>};
}

// Terms of one sum that a task takes at most; the sums of the tasks are added in order.
constexpr std::int64_t kTermsPerTask = 2 * kTaskElements;

// The sum of the terms [start, stop) of one element.
template <class T>
Accumulator<T> sum_of_terms(const Reduction& reduction, const T* x, std::int64_t start, std::int64_t stop,
                            const DenseSums<T>& dense) {
  using A = Accumulator<T>;
  A total{};
  reduction.for_each_reduced_run(start, stop,
                                 [&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
                                   if (stride == 1 && count >= kFewestInLanes) {
                                     total += dense.lane_sum(x + offset, count);
                                   } else {
                                     for (std::int64_t i = 0; i < count; ++i)
                                       total += static_cast<A>(x[offset + i * stride]);
                                   }
                                 });
  return total;
}

template <class T>
void sum_each(const Reduction& reduction, const T* x, T* out) {
  const DenseSums<T> dense = dense_sums<T>();
  const std::int64_t pieces = (reduction.count + kTermsPerTask - 1) / kTermsPerTask;
  if (pieces <= 1) {
    reduction.for_each_kept([&](std::int64_t to, std::int64_t from) {
      out[to] = static_cast<T>(sum_of_terms(reduction, x + from, 0, reduction.count, dense));
    });
    return;
  }
  const std::int64_t kept = reduction.kept_count();
  std::vector<Accumulator<T>> parts(static_cast<std::size_t>(kept * pieces));
  parallel_for(kept * pieces, [&](std::int64_t task) {
    const std::int64_t start = task % pieces * kTermsPerTask;
    parts[static_cast<std::size_t>(task)] =
        sum_of_terms(reduction, x + loop_offset(reduction.kept, 1, task / pieces), start,
                     std::min(reduction.count, start + kTermsPerTask), dense);
  });
  for (std::int64_t i = 0; i < kept; ++i) {
    Accumulator<T> total{};
    for (std::int64_t p = 0; p < pieces; ++p) total += parts[static_cast<std::size_t>(i * pieces + p)];
    out[loop_offset(reduction.kept, 0, i)] = static_cast<T>(total);
  }
}

// The kept axis is the dense one: whole rows are added to a block of sums.
template <class T>
void sum_rows(const Reduction& reduction, const T* x, T* out) {
  using A = Accumulator<T>;
  const DenseSums<T> dense = dense_sums<T>();
  constexpr std::int64_t kBlock = 512;
  const std::int64_t inner = reduction.kept.inner_extent();
  const std::int64_t blocks = (inner + kBlock - 1) / kBlock;
  const std::int64_t widest = std::min(kBlock, inner);
  const std::int64_t terms = std::max<std::int64_t>(1, kTermsPerTask / widest);
  const std::int64_t pieces = std::max<std::int64_t>(1, (reduction.count + terms - 1) / terms);
  const std::int64_t outer = reduction.kept.outer_count();
  const auto sums_of = [&](A* sums, std::int64_t block, std::int64_t piece) {
    const std::int64_t start = block % blocks * kBlock;
    const T* from = x + loop_offset(reduction.kept, 1, block / blocks * inner) + start;
    reduction.for_each_reduced_run(piece * terms, std::min(reduction.count, (piece + 1) * terms),
                                   [&](std::int64_t offset, std::int64_t count, std::int64_t stride) {
                                     dense.add_rows(sums, from + offset, count, stride,
                                                    std::min(kBlock, inner - start));
                                   });
  };
  const auto write = [&](std::int64_t block, auto&& sum) {
    const std::int64_t start = block % blocks * kBlock;
    T* to =
        out + loop_offset(reduction.kept, 0, block / blocks * inner) + start * reduction.kept.inner_stride(0);
    for (std::int64_t j = 0; j < std::min(kBlock, inner - start); ++j)
      to[j * reduction.kept.inner_stride(0)] = static_cast<T>(sum(j));
  };
  if (pieces == 1) {
    const std::int64_t per_task =
        std::max<std::int64_t>(1, kTaskElements / std::max<std::int64_t>(1, widest * reduction.count));
    parallel_for((outer * blocks + per_task - 1) / per_task, [&](std::int64_t task) {
      for (std::int64_t block = task * per_task; block < std::min(outer * blocks, (task + 1) * per_task);
           ++block) {
        A sums[kBlock] = {};
        sums_of(sums, block, 0);
        write(block, [&](std::int64_t j) { return sums[j]; });
      }
    });
    return;
  }
  std::vector<A> parts(static_cast<std::size_t>(outer * blocks * pieces * widest));
  parallel_for(outer * blocks * pieces, [&](std::int64_t task) {
    sums_of(parts.data() + task * widest, task / pieces, task % pieces);
  });
  for (std::int64_t block = 0; block < outer * blocks; ++block)
    write(block, [&](std::int64_t j) {
      A total{};
      for (std::int64_t p = 0; p < pieces; ++p)
        total += parts[static_cast<std::size_t>((block * pieces + p) * widest + j)];
      return total;
    });
}

}  // namespace

template <class T>
void sum(const KernelCall& call) {
  const Reduction reduction(call);
  const T* x = call.inputs[0].data<const T>();
  T* out = call.output.data<T>();
  if (call.output.shape().size() == 0) return;
  const bool kept_is_dense = reduction.kept.rank > 0 && reduction.kept.inner_stride(1) == 1 &&
                             reduction.reduced.inner_stride(0) != 1;
  if (kept_is_dense) return sum_rows(reduction, x, out);
  sum_each(reduction, x, out);
}

template void sum<float>(const KernelCall&);
template void sum<double>(const KernelCall&);
template void sum<std::int32_t>(const KernelCall&);
template void sum<std::int64_t>(const KernelCall&);
template void sum<std::uint8_t>(const KernelCall&);
template void sum<std::uint32_t>(const KernelCall&);
template void sum<std::complex<double>>(const KernelCall&);

}  // namespace nabla::cpu
