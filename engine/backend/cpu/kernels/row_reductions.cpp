#include "engine/backend/cpu/kernels/row_reductions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "engine/backend/cpu/kernels/sum_order.h"
#include "engine/backend/cpu/kernels/visit.h"
#include "engine/backend/cpu/vector_math/vector_math.h"

namespace nabla::cpu {
namespace {

template <class T>
struct Row {
  const T* x;
  std::int64_t stride, length;
  T operator[](std::int64_t i) const { return x[i * stride]; }
};

struct RowSum {
  template <class T>
  NABLAFLOW_INLINED static void row(T* out, const Row<T>& x) {
    *out = static_cast<T>(row_sum(x.x, x.stride, x.length));
  }
};

template <bool kMaximum>
struct RowExtreme {
  template <class T>
  NABLAFLOW_INLINED static T further(T v, T best) {
    return (kMaximum ? v > best : v < best) ? v : best;
  }
  // NaN where there is one: nothing compares with it, so they are counted beside the comparisons.
  template <class T>
  NABLAFLOW_INLINED static T of(const Row<T>& x) {
    constexpr std::int64_t kLanes = 16;
    T best = x[0];
    std::int64_t i = 0;
    std::uint32_t nan = 0;
    if (x.stride == 1 && x.length >= kLanes) {
      T lanes[kLanes];
      std::uint32_t nans[kLanes] = {};
      for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] = x.x[l];
      for (; i + kLanes <= x.length; i += kLanes)
        for (std::int64_t l = 0; l < kLanes; ++l) {
          const T v = x.x[i + l];
          lanes[l] = further(v, lanes[l]);
          nans[l] |= mask_of(v != v);
        }
      for (std::int64_t half = kLanes / 2; half > 0; half /= 2)
        for (std::int64_t l = 0; l < half; ++l) {
          lanes[l] = further(lanes[l + half], lanes[l]);
          nans[l] |= nans[l + half];
        }
      best = lanes[0];
      nan = nans[0];
    }
    for (; i < x.length; ++i) {
      best = further(x[i], best);
      nan |= mask_of(x[i] != x[i]);
    }
    for (i = 0; nan != 0 && i < x.length; ++i)
      if (x[i] != x[i]) return x[i];
    return best;
  }
  template <class T>
  NABLAFLOW_INLINED static void row(T* out, const Row<T>& x) {
    *out = of(x);
  }
};

// What is subtracted before exp: the largest element, which then gives 1. Infinities stay in the exponent, so
// that a row of -inf sums to 0.
template <class T>
NABLAFLOW_INLINED T shift_of(const Row<T>& x) {
  if constexpr (std::is_floating_point_v<T>) {
    const T top = x.length == 0 ? T(0) : RowExtreme<true>::of(x);
    return std::isinf(top) ? T(0) : top;
  } else {
    return T{};
  }
}

struct RowLogSumExp {
  template <class T>
  NABLAFLOW_INLINED static void row(T* out, const Row<T>& x) {
    const T shift = shift_of(x);
    PairwiseSum<Accumulator<T>> blocks;
    T piece[kSumBlock];
    for (std::int64_t start = 0; start < x.length; start += kSumBlock) {
      const std::int64_t count = std::min(kSumBlock, x.length - start);
      if (x.stride == 1) {
        const T* from = x.x + start;
        for (std::int64_t i = 0; i < count; ++i) piece[i] = cpu::exp(from[i] - shift);
      } else {
        for (std::int64_t i = 0; i < count; ++i) piece[i] = cpu::exp(x[start + i] - shift);
      }
      blocks.add(block_sum(piece, 1, count));
    }
    *out = static_cast<T>(static_cast<Accumulator<T>>(shift) + std::log(blocks.total()));
  }
};

struct RowSoftmax {
  template <class T>
  NABLAFLOW_INLINED static void row(T* out, const Row<T>& x) {
    if (x.length == 0) return;
    T top{};
    if constexpr (std::is_floating_point_v<T>) top = RowExtreme<true>::of(x);
    if (x.stride == 1) {
      const T* from = x.x;
      NABLAFLOW_INDEPENDENT_TURNS
      for (std::int64_t i = 0; i < x.length; ++i) out[i] = cpu::exp(from[i] - top);
    } else {
      for (std::int64_t i = 0; i < x.length; ++i) out[i] = cpu::exp(x[i] - top);
    }
    const T total = static_cast<T>(row_sum(out, 1, x.length));
    for (std::int64_t i = 0; i < x.length; ++i) out[i] /= total;
  }
};

template <class F, bool kMaps, class T>
NABLAFLOW_INLINED void rows_loop(void* out_elements, const RowsOperand& x, std::int64_t rows) {
  T* out = static_cast<T*>(out_elements);
  const T* elements = static_cast<const T*>(x.elements);
  for (std::int64_t r = 0; r < rows; ++r)
    F::template row<T>(out + r * (kMaps ? x.length : 1), {elements + r * x.row_step, x.stride, x.length});
}

// What the catalogue's line `name` does to a row.
template <Op>
struct RowOf;
template <>
struct RowOf<Op::sum> : RowSum {};
template <>
struct RowOf<Op::reduce_max> : RowExtreme<true> {};
template <>
struct RowOf<Op::reduce_min> : RowExtreme<false> {};
template <>
struct RowOf<Op::logsumexp> : RowLogSumExp {};
template <>
struct RowOf<Op::softmax> : RowSoftmax {};

template <Op kOp, OperandTypes kTypes>
Variants<RowsLoop> variants_of(const char* name, DType dtype) {
  Variants<RowsLoop> found{};
  visit<kTypes>(name, dtype, [&](auto type) {
    using T = typename decltype(type)::type;
    constexpr RowsLoop loop = &rows_loop<RowOf<kOp>, kOp == Op::softmax, T>;
    if constexpr (std::is_floating_point_v<T>)
      found = variants<loop>();
    else
      found = {loop, loop, loop};
  });
  return found;
}

}  // namespace

Variants<RowsLoop> row_reduction(Op op, DType dtype) {
  switch (op) {
#define ROWS(name, types, signs, per_read) \
  case Op::name:                           \
    return variants_of<Op::name, OperandTypes::types>(#name, dtype);
#include "engine/graph/primitives.def"
    default:
      throw Error("cpu: no loop over rows for " + std::string(facts_of(op).name));
  }
}

}  // namespace nabla::cpu
