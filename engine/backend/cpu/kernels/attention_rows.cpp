#include "engine/backend/cpu/kernels/attention_rows.h"

#include <algorithm>
#include <limits>

#include "engine/backend/cpu/vector_math/vector_math.h"

namespace nabla::cpu {
namespace {

constexpr std::int64_t kRowLanes = 16;

// Folds f(i) for i < count in lanes, whose order does not depend on the instruction set.
template <class T, class F, class Combine>
NABLAFLOW_INLINED T folded_row(std::int64_t count, T start, const F& f, const Combine& combine) {
  T lanes[kRowLanes];
  for (std::int64_t l = 0; l < kRowLanes; ++l) lanes[l] = start;
  std::int64_t i = 0;
  for (; i + kRowLanes <= count; i += kRowLanes)
    for (std::int64_t l = 0; l < kRowLanes; ++l) lanes[l] = combine(lanes[l], f(i + l));
  for (std::int64_t l = 0; i + l < count; ++l) lanes[l] = combine(lanes[l], f(i + l));
  for (std::int64_t half = kRowLanes / 2; half > 0; half /= 2)
    for (std::int64_t l = 0; l < half; ++l) lanes[l] = combine(lanes[l], lanes[l + half]);
  return lanes[0];
}

template <class T>
NABLAFLOW_INLINED void add_bias(T* row, const T* bias, std::int64_t stride, std::int64_t count) {
  if (stride == 0) {
    const T same = *bias;
    for (std::int64_t j = 0; j < count; ++j) row[j] += same;
  } else if (stride == 1) {
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t j = 0; j < count; ++j) row[j] += bias[j];
  } else {
    for (std::int64_t j = 0; j < count; ++j) row[j] += bias[j * stride];
  }
}

template <class T>
NABLAFLOW_INLINED std::int64_t keys_of(const ScoreRows<T>& x, std::int64_t row) {
  return x.causal ? std::min(x.keys, x.first + row + 1) : x.keys;
}

template <class T>
NABLAFLOW_INLINED void weigh(const ScoreRows<T>& x) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    T* row = x.elements + r * x.keys;
    const std::int64_t count = keys_of(x, r);
    std::fill(row + count, row + x.keys, T(0));
    for (std::int64_t j = 0; j < count; ++j) row[j] *= x.scale;
    if (x.bias) add_bias(row, x.bias + r * x.bias_row, x.bias_column, count);
    constexpr T kNothing = -std::numeric_limits<T>::infinity();
    const T top = folded_row(
        count, kNothing, [&](std::int64_t j) NABLAFLOW_INLINED_LAMBDA { return row[j]; },
        [](T a, T b) NABLAFLOW_INLINED_LAMBDA { return b > a ? b : a; });
    // NaN compares with nothing, and comes through the differences where there is another number.
    const T shift = top == kNothing ? T(0) : top;
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t j = 0; j < count; ++j) row[j] = cpu::exp(row[j] - shift);
    const T total = folded_row(
        count, T(0), [&](std::int64_t j) NABLAFLOW_INLINED_LAMBDA { return row[j]; },
        [](T a, T b) NABLAFLOW_INLINED_LAMBDA { return a + b; });
    const T divisor = total == T(0) ? T(1) : total;  // nothing may be attended
    for (std::int64_t j = 0; j < count; ++j) row[j] /= divisor;
  }
}

template <class T>
NABLAFLOW_INLINED void derive(const ScoreRows<T>& x, const T* weights, const T* more, T factor) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    T* row = x.elements + r * x.keys;
    const T* w = weights + r * x.keys;
    const std::int64_t count = keys_of(x, r);
    std::fill(row + count, row + x.keys, T(0));
    if (more) {
      const T* add = more + r * x.keys;
      NABLAFLOW_INDEPENDENT_TURNS
      for (std::int64_t j = 0; j < count; ++j) row[j] += add[j];
    }
    for (std::int64_t j = 0; j < count; ++j) row[j] *= x.scale;
    if (x.bias) add_bias(row, x.bias + r * x.bias_row, x.bias_column, count);
    const T mean = folded_row(
        count, T(0), [&](std::int64_t j) NABLAFLOW_INLINED_LAMBDA { return w[j] * row[j]; },
        [](T a, T b) NABLAFLOW_INLINED_LAMBDA { return a + b; });
    NABLAFLOW_INDEPENDENT_TURNS
    for (std::int64_t j = 0; j < count; ++j) row[j] = factor * (w[j] * (row[j] - mean));
  }
}

}  // namespace

template <class T>
AttentionRows<T> attention_rows() {
  return {variants<&weigh<T>>(), variants<&derive<T>>()};
}
template AttentionRows<float> attention_rows();
template AttentionRows<double> attention_rows();

}  // namespace nabla::cpu
