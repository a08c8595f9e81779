#pragma once

#include <cstdint>
#include <type_traits>

#include "engine/backend/cpu/target.h"

namespace nabla::cpu {

/// Sums of f32 are carried in f64: it costs little beside the loads, and long sums stay accurate. Those of
/// signed integers are carried in the unsigned type of their size, which wraps around.
template <class T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<float> {
  using type = double;
};
template <>
struct AccumulatorOf<std::int32_t> {
  using type = std::uint32_t;
};
template <>
struct AccumulatorOf<std::int64_t> {
  using type = std::uint64_t;
};
template <class T>
using Accumulator = typename AccumulatorOf<T>::type;

/// Fewer terms are added one by one, which costs less than the lanes.
inline constexpr std::int64_t kFewestInLanes = 16;

/// The sum of adjacent elements. Lane l takes the elements l, l + lanes, ..; the lanes are then added in
/// pairs. The order is named, so that every instruction set gives the same bits.
template <class T>
NABLAFLOW_INLINED Accumulator<T> lane_sum(const T* x, std::int64_t count) {
  using A = Accumulator<T>;
  constexpr std::int64_t kLanes = 16;
  A lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] += static_cast<A>(x[i + l]);
  for (std::int64_t l = 0; i + l < count; ++l) lanes[l] += static_cast<A>(x[i + l]);
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2)
    for (std::int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  return lanes[0];
}

}  // namespace nabla::cpu
