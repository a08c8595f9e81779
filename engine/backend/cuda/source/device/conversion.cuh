#pragma once

#include "engine/backend/cuda/source/device/types.cuh"

// Conversions between types.

// Out of range saturates, NaN becomes the integer 0.
template <class R, class T>
__device__ __forceinline__ R cast_(T x) {
  if constexpr (!Range<R>::is_floating && !Range<R>::is_integer) {
    return x != T(0);
  } else if constexpr (Range<R>::is_integer && Range<T>::is_floating) {
    if (x != x) return 0;
    if (x <= static_cast<T>(Range<R>::low)) return Range<R>::low;
    if (x >= static_cast<T>(Range<R>::high)) return Range<R>::high;
    return static_cast<R>(x);
  } else {
    return static_cast<R>(x);
  }
}
