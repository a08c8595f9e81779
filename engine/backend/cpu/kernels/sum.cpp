#include "engine/backend/cpu/kernels/sum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <complex>
#include <vector>

#include "engine/backend/cpu/kernels/reduction_loop.h"
#include "engine/backend/cpu/kernels/sum_order.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/threads/thread_pool.h"
#include "engine/backend/variants.h"

namespace nabla::cpu {
namespace {

// The loops over memory, compiled once more for AVX2.

constexpr std::int64_t kRowsOfLane = std::max(kSumBlock / kSumLanes, kFewestInLanes);

// The sums of the rows of a lane, eight rows at a time: the sums are then read and written less often.
template <class T>
NABLAFLOW_INLINED void sum_lane(Accumulator<T>* __restrict sums, const T* const* rows, std::int64_t count,
                                std::int64_t width) {
  using A = Accumulator<T>;
  std::fill_n(sums, width, A{});
  std::int64_t r = 0;
  for (; r + 8 <= count; r += 8) {
    const T* const x[8] = {rows[r],     rows[r + 1], rows[r + 2], rows[r + 3],
                           rows[r + 4], rows[r + 5], rows[r + 6], rows[r + 7]};
    for (std::int64_t j = 0; j < width; ++j) {
      A sum = sums[j];
      for (int i = 0; i < 8; ++i) sum += static_cast<A>(x[i][j]);
      sums[j] = sum;
    }
  }
  for (; r < count; ++r)
    for (std::int64_t j = 0; j < width; ++j) sums[j] += static_cast<A>(rows[r][j]);
}

template <class A>
NABLAFLOW_INLINED void merge(A* __restrict to, const A* above, std::int64_t width) {
  for (std::int64_t j = 0; j < width; ++j) to[j] += above[j];
}

// Adds one term to each of `width` sums; `stride` is between the terms.
template <class T>
NABLAFLOW_INLINED void add_terms(Accumulator<T>* __restrict sums, const T* x, std::int64_t stride,
                                 std::int64_t width) {
  using A = Accumulator<T>;
  if (stride == 2) {  // known to the compiler, it is done by shuffles
    for (std::int64_t j = 0; j < width; ++j) sums[j] += static_cast<A>(x[2 * j]);
    return;
  }
  for (std::int64_t j = 0; j < width; ++j) sums[j] += static_cast<A>(x[j * stride]);
}

template <class T>
struct SumLoops {
  Accumulator<T> (*row_sum)(const T* x, std::int64_t stride, std::int64_t count);
  void (*sum_lane)(Accumulator<T>* sums, const T* const* rows, std::int64_t count, std::int64_t width);
  void (*merge)(Accumulator<T>* to, const Accumulator<T>* above, std::int64_t width);
  void (*add_terms)(Accumulator<T>* sums, const T* x, std::int64_t stride, std::int64_t width);
};

template <class T>
SumLoops<T> sum_loops() {
  // Wider vectors gain nothing on loops that wait for memory.
  const InstructionSet set = std::is_floating_point_v<T> ? std::min(instruction_set(), InstructionSet::avx2)
                                                         : InstructionSet::baseline;
  return {variants<&row_sum<T>>().at(set), variants<&sum_lane<T>>().at(set),
          variants<&merge<Accumulator<T>>>().at(set), variants<&add_terms<T>>().at(set)};
}

// Terms of one sum that a task takes at most: whole blocks, a power of two of them, so that the sums of the
// tasks are shares of a PairwiseSum.
constexpr std::int64_t kTermsPerTask = 128 * kSumBlock;

// The sum of the terms [start, stop) of one element.
template <class T>
Accumulator<T> sum_of_terms(const Reduction& reduction, const T* x, std::int64_t start, std::int64_t stop,
                            const SumLoops<T>& loops) {
  const std::int64_t stride = reduction.reduced.inner_stride(0);
  if (reduction.reduced.rank() <= 1) return loops.row_sum(x + start * stride, stride, stop - start);
  // Terms that lie in pieces are gathered, block by block.
  const std::int64_t inner = reduction.reduced.inner_extent();
  PairwiseSum<Accumulator<T>> blocks;
  T gathered[kSumBlock];
  for (std::int64_t block = start; block < stop; block += kSumBlock) {
    const std::int64_t count = std::min(kSumBlock, stop - block);
    if (block % inner + count <= inner) {
      blocks.add(loops.row_sum(x + reduction.reduced.offset(block, 0), stride, count));
      continue;
    }
    std::int64_t filled = 0;
    reduction.for_each_reduced_run(block, block + count,
                                   [&](std::int64_t offset, std::int64_t run, std::int64_t) {
                                     for (std::int64_t i = 0; i < run; ++i)
                                       gathered[filled++] = x[offset + i * stride];
                                   });
    blocks.add(loops.row_sum(gathered, 1, count));
  }
  return blocks.total();
}

constexpr std::int64_t kFewestSideBySide = 4;

// Few terms that do not lie in a row: a term of many sums at a time, which are added one by one as in a
// block.
template <class T>
void sum_few(const Reduction& reduction, const T* x, T* out) {
  using A = Accumulator<T>;
  constexpr std::int64_t kSums = 64;
  const SumLoops<T> loops = sum_loops<T>();
  const std::int64_t to_next = reduction.kept.inner_stride(0), from_next = reduction.kept.inner_stride(1);
  std::array<std::int64_t, kFewestInLanes> terms;
  for (std::int64_t t = 0; t < reduction.count; ++t) terms[t] = reduction.reduced.offset(t, 0);
  for_each_run<2>(
      reduction.kept,
      [&](const std::array<std::int64_t, 2>& at, std::int64_t n) {
        for (std::int64_t start = 0; start < n; start += kSums) {
          const std::int64_t width = std::min(kSums, n - start);
          A sums[kSums] = {};
          for (std::int64_t t = 0; t < reduction.count; ++t)
            loops.add_terms(sums, x + at[1] + start * from_next + terms[t], from_next, width);
          T* to = out + at[0] + start * to_next;
          for (std::int64_t j = 0; j < width; ++j) to[j * to_next] = static_cast<T>(sums[j]);
        }
      },
      reduction.count);
}

template <class T>
void sum_each(const Reduction& reduction, const T* x, T* out) {
  const SumLoops<T> loops = sum_loops<T>();
  const std::int64_t pieces = (reduction.count + kTermsPerTask - 1) / kTermsPerTask;
  if (pieces <= 1) {
    reduction.for_each_kept([&](std::int64_t to, std::int64_t from) {
      out[to] = static_cast<T>(sum_of_terms(reduction, x + from, 0, reduction.count, loops));
    });
    return;
  }
  const std::int64_t kept = reduction.kept_count();
  std::vector<Accumulator<T>> parts(kept * pieces);
  parallel_for(kept * pieces, [&](std::int64_t task) {
    const std::int64_t start = task % pieces * kTermsPerTask;
    parts[task] = sum_of_terms(reduction, x + reduction.kept.offset(task / pieces, 1), start,
                               std::min(reduction.count, start + kTermsPerTask), loops);
  });
  for (std::int64_t i = 0; i < kept; ++i) {
    PairwiseSum<Accumulator<T>> total;
    for (std::int64_t p = 0; p < pieces; ++p) total.add(parts[i * pieces + p]);
    out[reduction.kept.offset(i, 0)] = static_cast<T>(total.total());
  }
}

template <class A>
struct SumsOfLanes {
  std::vector<A> sums;
};

// Columns that are summed side by side.
constexpr std::int64_t kMostAdded = 256;
constexpr std::int64_t kFewestAdded = 8;

// The kept axis is the dense one: rows are added, a lane at a time.
template <class T>
void sum_rows(const Reduction& reduction, const T* x, T* out) {
  using A = Accumulator<T>;
  const SumLoops<T> loops = sum_loops<T>();
  const std::int64_t inner = reduction.kept.inner_extent();
  const std::int64_t blocks = (inner + kMostAdded - 1) / kMostAdded;
  const std::int64_t widest = std::min(kMostAdded, inner);
  const std::int64_t terms =
      std::max(kSumBlock,
               static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(kTermsPerTask / widest))));
  const std::int64_t pieces = (reduction.count + terms - 1) / terms;
  const std::int64_t outer = reduction.kept.outer_size();
  const auto width_of = [&](std::int64_t block) {
    return std::min(kMostAdded, inner - block % blocks * kMostAdded);
  };
  // The sums of a piece, in memory of this thread.
  const auto sums_of = [&](std::int64_t block, std::int64_t piece) -> const A* {
    std::vector<A>& memory = thread_own<SumsOfLanes<A>>().sums;
    const std::int64_t width = width_of(block);
    const std::int64_t first = piece * terms;
    const std::int64_t count = std::min(terms, reduction.count - first);
    memory.resize(most_waiting(count) * width);
    const T* from = x + reduction.kept.offset(block / blocks * inner, 1) + block % blocks * kMostAdded;
    PairwiseRows<A> lanes(memory.data(), width);
    for_each_lane(count, [&](std::int64_t start, std::int64_t step, std::int64_t of_lane) {
      const T* rows[kRowsOfLane];
      for (std::int64_t r = 0; r < of_lane; ++r)
        rows[r] = from + reduction.reduced.offset(first + start + r * step, 0);
      loops.sum_lane(lanes.row(), rows, of_lane, width);
      lanes.add(loops.merge);
    });
    return lanes.total(loops.merge);
  };
  const auto write = [&](std::int64_t block, auto&& sum) {
    T* to = out + reduction.kept.offset(block / blocks * inner, 0) +
            block % blocks * kMostAdded * reduction.kept.inner_stride(0);
    for (std::int64_t j = 0; j < width_of(block); ++j)
      to[j * reduction.kept.inner_stride(0)] = static_cast<T>(sum(j));
  };
  if (pieces == 1) {
    const std::int64_t per_task = std::max<std::int64_t>(1, kTaskElements / (widest * reduction.count));
    parallel_for((outer * blocks + per_task - 1) / per_task, [&](std::int64_t task) {
      for (std::int64_t block = task * per_task; block < std::min(outer * blocks, (task + 1) * per_task);
           ++block) {
        const A* sums = sums_of(block, 0);
        write(block, [&](std::int64_t j) { return sums[j]; });
      }
    });
    return;
  }
  std::vector<A> parts(outer * blocks * pieces * widest);
  parallel_for(outer * blocks * pieces, [&](std::int64_t task) {
    std::copy_n(sums_of(task / pieces, task % pieces), width_of(task / pieces), parts.data() + task * widest);
  });
  for (std::int64_t block = 0; block < outer * blocks; ++block)
    write(block, [&](std::int64_t j) {
      PairwiseSum<A> total;
      for (std::int64_t p = 0; p < pieces; ++p) total.add(parts[(block * pieces + p) * widest + j]);
      return total.total();
    });
}

}  // namespace

template <class T>
void sum(const KernelCall& call) {
  const Reduction reduction(call);
  const T* x = call.inputs[0].data<const T>();
  T* out = call.output.data<T>();
  if (call.output.shape().size() == 0) return;
  const bool columns_are_dense = reduction.kept.rank() > 0 && reduction.kept.inner_stride(1) == 1 &&
                                 reduction.kept.inner_extent() >= kFewestAdded &&
                                 reduction.reduced.inner_stride(0) != 1 && reduction.count > 0;
  if (columns_are_dense) return sum_rows(reduction, x, out);
  const bool is_row = reduction.reduced.rank() <= 1 && reduction.reduced.inner_stride(0) == 1;
  if (reduction.count > 1 && reduction.count < kFewestInLanes && !is_row &&
      reduction.kept.inner_extent() >= kFewestSideBySide)
    return sum_few(reduction, x, out);
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
