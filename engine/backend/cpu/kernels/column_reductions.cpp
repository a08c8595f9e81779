#include "engine/backend/cpu/kernels/column_reductions.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/backend/cpu/kernels/sum_order.h"
#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/backend/cpu/vector_math/vector_math.h"

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

// The extreme of every column; NaN, the first one, where there is one.
template <bool kMaximum, class T>
NABLAFLOW_INLINED void extremes(T* __restrict best, const Columns<T>& x) {
  std::uint32_t nan[kMostColumns] = {};
  std::copy_n(x.x, x.width, best);
  for (std::int64_t i = 0; i < x.length; ++i) {
    const T* row = x.row(i);
    for (std::int64_t j = 0; j < x.width; ++j) {
      const T v = row[j];
      best[j] = (kMaximum ? v > best[j] : v < best[j]) ? v : best[j];
      nan[j] |= mask_of(v != v);
    }
  }
  for (std::int64_t j = 0; j < x.width; ++j)
    for (std::int64_t i = 0; nan[j] != 0; ++i)
      if (x.row(i)[j] != x.row(i)[j]) {
        best[j] = x.row(i)[j];
        nan[j] = 0;
      }
}

// The largest of every column but for NaN, which whoever sums exponentials meets again. `copy` takes the rows
// along, dense.
template <class T>
NABLAFLOW_INLINED void largest(T* __restrict best, const Columns<T>& x, T* __restrict copy) {
  const auto larger = [](T a, T b) NABLAFLOW_INLINED_LAMBDA { return a > b ? a : b; };
  std::copy_n(x.x, x.width, best);
  std::int64_t i = 0;
  for (; i + 4 <= x.length; i += 4) {
    const T *a = x.row(i), *b = x.row(i + 1), *c = x.row(i + 2), *d = x.row(i + 3);
    for (std::int64_t j = 0; j < x.width; ++j)
      best[j] = larger(larger(larger(a[j], b[j]), larger(c[j], d[j])), best[j]);
    if (copy)
      for (std::int64_t k = i; k < i + 4; ++k) std::copy_n(x.row(k), x.width, copy + k * x.width);
  }
  for (; i < x.length; ++i) {
    for (std::int64_t j = 0; j < x.width; ++j) best[j] = larger(x.row(i)[j], best[j]);
    if (copy) std::copy_n(x.row(i), x.width, copy + i * x.width);
  }
}

// The columns are read twice. Where they can they stay in the second-level cache meanwhile, as a copy: rows
// that lie a power of two apart would meet in few of its lines. Null where they cannot.
template <class T>
NABLAFLOW_INLINED T* cache_for(const Columns<T>& x) {
  constexpr std::int64_t kCachedBytes = std::int64_t{1} << 20;
  const std::int64_t count = x.length * x.width;
  if (count * static_cast<std::int64_t>(sizeof(T)) > kCachedBytes) return nullptr;
  std::vector<T>& cached = thread_own<Terms<T>>().of_columns;
  cached.resize(count);
  return cached.data();
}

// Exponentials of what is not above 0, and of anything.
struct ExpNonpositive {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::exp_nonpositive(x);
  }
};
struct ExpOfAny {
  template <class T>
  NABLAFLOW_INLINED static T of(T x) {
    return cpu::exp(x);
  }
};
// The same to be added to a 1 in f64, where what is below e^-87 leaves no trace.
struct ExpBesideOne {
  NABLAFLOW_INLINED static float of(float x) { return cpu::exp_moderate(x < -87.0F ? -87.0F : x); }
  NABLAFLOW_INLINED static double of(double x) { return cpu::exp(x); }
};

// The sums of exp(x - shift) of every column. The terms of row i go to terms + i * step.
template <class Exp, class T>
NABLAFLOW_INLINED const Accumulator<T>* sums_of_exp(const Columns<T>& x, const T* shift, T* terms,
                                                    std::int64_t terms_step) {
  using A = Accumulator<T>;
  std::vector<A>& memory = thread_own<Lanes<A>>().sums;
  memory.resize(most_waiting(x.length) * x.width);
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
                    for (std::int64_t j = 0; j < x.width; ++j) out[j] = Exp::of(row[j] - shift[j]);
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
    extremes<kMaximum>(out, x);
  }
};

struct ColumnLogSumExp {
  template <class T>
  NABLAFLOW_INLINED static void of(T* out, std::int64_t, const Columns<T>& x) {
    T shift[kMostColumns];
    T terms[kMostColumns];
    T* cached = cache_for(x);
    largest(shift, x, cached);
    bool bounded = true;
    for (std::int64_t j = 0; j < x.width; ++j) {
      bounded = bounded && !std::isinf(shift[j]);
      shift[j] = std::isinf(shift[j]) ? T(0) : shift[j];
    }
    const Columns<T> second_pass = cached ? Columns<T>{cached, x.width, x.length, x.width} : x;
    const Accumulator<T>* sums = bounded ? sums_of_exp<ExpBesideOne>(second_pass, shift, terms, 0)
                                         : sums_of_exp<ExpOfAny>(second_pass, shift, terms, 0);
    for (std::int64_t j = 0; j < x.width; ++j)
      out[j] = static_cast<T>(static_cast<Accumulator<T>>(shift[j]) + std::log(sums[j]));
  }
};

struct ColumnSoftmax {
  template <class T>
  NABLAFLOW_INLINED static void of(T* out, std::int64_t out_stride, const Columns<T>& x) {
    T top[kMostColumns];
    T* cached = cache_for(x);
    largest(top, x, cached);
    T* terms = cached ? cached : out;
    const std::int64_t step = cached ? x.width : out_stride;
    const Columns<T> second_pass = cached ? Columns<T>{cached, x.width, x.length, x.width} : x;
    const Accumulator<T>* sums = sums_of_exp<ExpNonpositive>(second_pass, top, terms, step);
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

template <class F, class T>
NABLAFLOW_INLINED void columns_loop(void* out, std::int64_t out_stride, const ColumnsOperand& x) {
  const T* elements = static_cast<const T*>(x.elements);
  // Most are as wide as can be, and loops of a known length are faster.
  if (x.width == kMostColumns)
    F::of(static_cast<T*>(out), out_stride, Columns<T>{elements, x.stride, x.length, kMostColumns});
  else
    F::of(static_cast<T*>(out), out_stride, Columns<T>{elements, x.stride, x.length, x.width});
}

template <class F>
ColumnsLoop floating(DType dtype, InstructionSet set) {
  if (dtype == DType::f32) return variants<&columns_loop<F, float>>().at(set);
  return dtype == DType::f64 ? variants<&columns_loop<F, double>>().at(set) : nullptr;
}

}  // namespace

ColumnsLoop column_reduction(Op op, DType dtype, InstructionSet set) {
  switch (op) {
    case Op::reduce_max:
      return floating<ColumnExtreme<true>>(dtype, set);
    case Op::reduce_min:
      return floating<ColumnExtreme<false>>(dtype, set);
    case Op::logsumexp:
      return floating<ColumnLogSumExp>(dtype, set);
    case Op::softmax:
      return floating<ColumnSoftmax>(dtype, set);
    default:
      return nullptr;
  }
}

}  // namespace nabla::cpu
