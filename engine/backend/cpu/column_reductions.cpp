#include "engine/backend/cpu/column_reductions.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/backend/cpu/sum_order.h"
#include "engine/backend/cpu/thread_own.h"
#include "engine/backend/cpu/vector_math.h"

// Vectors hold neighbouring columns, and memory is read row by row.

namespace nabla::cpu {
namespace {

template <class T>
struct Columns {
  const T* x;
  std::int64_t stride, length, width;
  const T* row(std::int64_t i) const { return x + i * stride; }
};

template <class A>
struct Lanes {
  std::vector<A> sums;
};
template <class T>
struct Terms {
  std::vector<T> of_columns;
};

// The extreme of every column; NaN, the first one, where there is one. `copy` takes the rows along, dense.
template <bool kMaximum, class T>
NABLAFLOW_INLINED void extremes(T* __restrict best, const Columns<T>& x, T* __restrict copy) {
  std::uint32_t nan[kMostColumns] = {};
  std::copy_n(x.x, x.width, best);
  for (std::int64_t i = 0; i < x.length; ++i) {
    const T* row = x.row(i);
    for (std::int64_t j = 0; j < x.width; ++j) {
      const T v = row[j];
      best[j] = (kMaximum ? v > best[j] : v < best[j]) ? v : best[j];
      nan[j] |= mask_of(v != v);
    }
    if (copy) std::copy_n(row, x.width, copy + i * x.width);
  }
  for (std::int64_t j = 0; j < x.width; ++j)
    for (std::int64_t i = 0; nan[j] != 0; ++i)
      if (x.row(i)[j] != x.row(i)[j]) {
        best[j] = x.row(i)[j];
        nan[j] = 0;
      }
}

// The sums of exp(x - shift) of every column. The terms of row i go to terms + i * step.
template <class T>
NABLAFLOW_INLINED const Accumulator<T>* sums_of_exp(const Columns<T>& x, const T* shift, T* terms,
                                                    std::int64_t terms_step) {
  using A = Accumulator<T>;
  std::vector<A>& memory = thread_own<Lanes<A>>().sums;
  memory.resize(static_cast<std::size_t>(most_waiting(x.length) * x.width));
  PairwiseRows<A> lanes(memory.data(), x.width);
  const auto merge = [](A* __restrict to, const A* above, std::int64_t width) NABLAFLOW_INLINED_LAMBDA {
    for (std::int64_t j = 0; j < width; ++j) to[j] += above[j];
  };
  for_each_lane(x.length,
                [&](std::int64_t first, std::int64_t step, std::int64_t count) NABLAFLOW_INLINED_LAMBDA {
                  A* sums = lanes.row();
                  std::fill_n(sums, x.width, A{});
                  for (std::int64_t i = first; count > 0; i += step, --count) {
                    const T* row = x.row(i);
                    T* out = terms + i * terms_step;
                    NABLAFLOW_INDEPENDENT_TURNS
                    for (std::int64_t j = 0; j < x.width; ++j) out[j] = cpu::exp(row[j] - shift[j]);
                    NABLAFLOW_INDEPENDENT_TURNS
                    for (std::int64_t j = 0; j < x.width; ++j) sums[j] += static_cast<A>(out[j]);
                  }
                  lanes.add(merge);
                });
  return lanes.total(merge);
}

template <bool kMaximum>
struct ColumnExtreme {
  template <class T>
  NABLAFLOW_INLINED static void of(T* out, std::int64_t, const Columns<T>& x) {
    extremes<kMaximum>(out, x, static_cast<T*>(nullptr));
  }
};

struct ColumnLogSumExp {
  template <class T>
  NABLAFLOW_INLINED static void of(T* out, std::int64_t, const Columns<T>& x) {
    T shift[kMostColumns];
    T terms[kMostColumns];
    extremes<true>(shift, x, static_cast<T*>(nullptr));
    for (std::int64_t j = 0; j < x.width; ++j) shift[j] = std::isinf(shift[j]) ? T(0) : shift[j];
    const Accumulator<T>* sums = sums_of_exp(x, shift, terms, 0);
    for (std::int64_t j = 0; j < x.width; ++j)
      out[j] = static_cast<T>(static_cast<Accumulator<T>>(shift[j]) + std::log(sums[j]));
  }
};

struct ColumnSoftmax {
  template <class T>
  NABLAFLOW_INLINED static void of(T* out, std::int64_t out_stride, const Columns<T>& x) {
    // The terms stay in the second-level cache where they can: rows that lie a power of two apart would meet
    // in few of its lines.
    constexpr std::int64_t kCachedBytes = std::int64_t{1} << 20;
    const bool is_cached = x.length * x.width * static_cast<std::int64_t>(sizeof(T)) <= kCachedBytes;
    std::vector<T>& cached = thread_own<Terms<T>>().of_columns;
    if (is_cached) cached.resize(static_cast<std::size_t>(x.length * x.width));
    T top[kMostColumns];
    extremes<true>(top, x, is_cached ? cached.data() : nullptr);
    T* terms = is_cached ? cached.data() : out;
    const std::int64_t step = is_cached ? x.width : out_stride;
    const Columns<T> again = is_cached ? Columns<T>{terms, x.width, x.length, x.width} : x;
    const Accumulator<T>* sums = sums_of_exp(again, top, terms, step);
    T totals[kMostColumns];
    for (std::int64_t j = 0; j < x.width; ++j) totals[j] = static_cast<T>(sums[j]);
    for (std::int64_t i = 0; i < x.length; ++i) {
      const T* from = terms + i * step;
      T* to = out + i * out_stride;
      NABLAFLOW_INDEPENDENT_TURNS
      for (std::int64_t j = 0; j < x.width; ++j) to[j] = from[j] / totals[j];
    }
  }
};

template <class Op, class T>
struct Loops {
  NABLAFLOW_INLINED static void loop(void* out, std::int64_t out_stride, const ColumnsOperand& x) {
    const T* elements = static_cast<const T*>(x.elements);
    // Most are as wide as can be, and loops of a known length are faster.
    if (x.width == kMostColumns)
      Op::of(static_cast<T*>(out), out_stride, Columns<T>{elements, x.stride, x.length, kMostColumns});
    else
      Op::of(static_cast<T*>(out), out_stride, Columns<T>{elements, x.stride, x.length, x.width});
  }
  static void baseline(void* out, std::int64_t out_stride, const ColumnsOperand& x) {
    loop(out, out_stride, x);
  }
  NABLAFLOW_TARGET_AVX2 static void avx2(void* out, std::int64_t out_stride, const ColumnsOperand& x) {
    loop(out, out_stride, x);
  }
  NABLAFLOW_TARGET_AVX512 static void avx512(void* out, std::int64_t out_stride, const ColumnsOperand& x) {
    loop(out, out_stride, x);
  }
  static ColumnsLoop at(InstructionSet set) {
    if (set == InstructionSet::avx512) return &avx512;
    return set == InstructionSet::avx2 ? &avx2 : &baseline;
  }
};

template <class Op>
ColumnsLoop floating(DType dtype, InstructionSet set) {
  if (dtype == DType::f32) return Loops<Op, float>::at(set);
  return dtype == DType::f64 ? Loops<Op, double>::at(set) : nullptr;
}

}  // namespace

ColumnsLoop column_reduction(std::string_view primitive, DType dtype, InstructionSet set) {
  if (primitive == "reduce_max") return floating<ColumnExtreme<true>>(dtype, set);
  if (primitive == "reduce_min") return floating<ColumnExtreme<false>>(dtype, set);
  if (primitive == "logsumexp") return floating<ColumnLogSumExp>(dtype, set);
  return primitive == "softmax" ? floating<ColumnSoftmax>(dtype, set) : nullptr;
}

}  // namespace nabla::cpu
