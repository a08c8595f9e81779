#pragma once

// Types of elements. No headers: NVRTC knows CUDA's own functions and nothing else.

typedef unsigned char u8;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;
typedef bool boolean;

// Sums of float are carried in double.
template <class T>
struct Accumulator {
  using type = T;
};
template <>
struct Accumulator<float> {
  using type = double;
};

template <class T>
struct Range {  // of a floating type
  static constexpr bool is_floating = true, is_integer = false;
};
template <>
struct Range<bool> {
  static constexpr bool is_floating = false, is_integer = false;
};
template <>
struct Range<u8> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr u8 low = 0, high = 255;
};
template <>
struct Range<u32> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr u32 low = 0, high = 0xffffffffu;
};
template <>
struct Range<u64> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr u64 low = 0, high = 0xffffffffffffffffull;
};
template <>
struct Range<i32> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr i32 low = -2147483647 - 1, high = 2147483647;
};
template <>
struct Range<i64> {
  static constexpr bool is_floating = false, is_integer = true;
  static constexpr i64 low = -9223372036854775807ll - 1, high = 9223372036854775807ll;
};

// Elements that one access moves: N is a power of two, the place a multiple of N.
template <class T, int N>
struct alignas(N * sizeof(T)) Vec {
  T at[N];
};
template <int N, class T>
__device__ __forceinline__ Vec<T, N> load(const T* x) {
  return *reinterpret_cast<const Vec<T, N>*>(x);
}
template <class T, int N>
__device__ __forceinline__ void store(T* x, const Vec<T, N>& v) {
  *reinterpret_cast<Vec<T, N>*>(x) = v;
}

template <class T>
__device__ __forceinline__ T infinity();
template <>
__device__ __forceinline__ float infinity<float>() {
  return __uint_as_float(0x7f800000u);
}
template <>
__device__ __forceinline__ double infinity<double>() {
  return __longlong_as_double(0x7ff0000000000000ll);
}

// What no element of the type exceeds, and what none is below.
template <class T>
__device__ __forceinline__ T highest() {
  if constexpr (Range<T>::is_floating) {
    return infinity<T>();
  } else {
    return Range<T>::high;
  }
}
template <class T>
__device__ __forceinline__ T lowest() {
  if constexpr (Range<T>::is_floating) {
    return -infinity<T>();
  } else {
    return Range<T>::low;
  }
}
