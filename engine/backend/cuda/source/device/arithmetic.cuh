#pragma once

#include "engine/backend/cuda/source/device/types.cuh"

// Arithmetic of all types.

template <class T>
__device__ __forceinline__ T add_(T a, T b) {
  using W = typename Wrapping<T>::type;
  return static_cast<T>(static_cast<W>(a) + static_cast<W>(b));
}
template <class T>
__device__ __forceinline__ T sub_(T a, T b) {
  using W = typename Wrapping<T>::type;
  return static_cast<T>(static_cast<W>(a) - static_cast<W>(b));
}
template <class T>
__device__ __forceinline__ T mul_(T a, T b) {
  using W = typename Wrapping<T>::type;
  return static_cast<T>(static_cast<W>(a) * static_cast<W>(b));
}
template <class T>
__device__ __forceinline__ T neg_(T x) {
  if constexpr (Range<T>::is_floating) {
    return -x;
  } else {
    return sub_(T(0), x);
  }
}
// NaN where an argument is.
template <class T>
__device__ __forceinline__ T max_(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
__device__ __forceinline__ T min_(T a, T b) {
  return a < b || a != a ? a : b;
}
template <class T>
__device__ __forceinline__ T abs_(T x) {
  return x < T(0) ? neg_(x) : x;
}
__device__ __forceinline__ float abs_(float x) { return fabsf(x); }
__device__ __forceinline__ double abs_(double x) { return fabs(x); }
template <class T>
__device__ __forceinline__ T sign_(T x) {
  if constexpr (Range<T>::is_floating) {
    if (x != x) return x;
  }
  return static_cast<T>((T(0) < x) - (x < T(0)));
}

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
