#pragma once

#include "tests/cuda/shim/library_interface.h"

// What kernels use of CUDA, for the host, as C++17 without any header.

#define __global__
#define __device__
#define __host__
#define __constant__ const
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define SHIM_TEXT(x) #x
#define SHIM_SECTION(x) SHIM_TEXT(x)
// In a section of the text, so that it can be found and poisoned; used: others write to it.
#define __shared__ static __attribute__((used, section(SHIM_SECTION(SHIM_SHARED))))

using namespace nabla::cuda::host;

namespace {

Runtime runtime;
Place threadIdx, blockIdx, blockDim, gridDim;
constexpr int warpSize = 32;

template <class R, class T>
inline R bits_as(T x) {
  static_assert(sizeof(R) == sizeof(T), "bits of another size");
  R result;
  __builtin_memcpy(&result, &x, sizeof(R));
  return result;
}

#define __syncthreads() runtime.block_barrier(__LINE__)
inline void sync_warp(int line, unsigned mask = 0xffffffffu) { runtime.warp_barrier(mask, line); }
#define __syncwarp(...) sync_warp(__LINE__ __VA_OPT__(, ) __VA_ARGS__)

template <class T>
inline T shuffled(int line, int kind, unsigned mask, T value, int lane, int width = 32) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
  unsigned long long bits = 0;
  __builtin_memcpy(&bits, &value, sizeof(T));
  bits = runtime.shuffle(mask, bits, kind, lane, width, line);
  __builtin_memcpy(&value, &bits, sizeof(T));
  return value;
}
// Smaller types are promoted, as by CUDA's own overloads.
inline int shuffled(int line, int kind, unsigned mask, bool value, int lane, int width = 32) {
  return shuffled(line, kind, mask, int(value), lane, width);
}
inline int shuffled(int line, int kind, unsigned mask, unsigned char value, int lane, int width = 32) {
  return shuffled(line, kind, mask, int(value), lane, width);
}
#define __shfl_sync(...) shuffled(__LINE__, 0, __VA_ARGS__)
#define __shfl_up_sync(...) shuffled(__LINE__, 1, __VA_ARGS__)
#define __shfl_down_sync(...) shuffled(__LINE__, 2, __VA_ARGS__)
#define __shfl_xor_sync(...) shuffled(__LINE__, 3, __VA_ARGS__)
#define __ballot_sync(mask, predicate) runtime.ballot(mask, (predicate) ? 1 : 0, __LINE__)
#define __any_sync(mask, predicate) (__ballot_sync(mask, predicate) != 0u)
#define __all_sync(mask, predicate) (__ballot_sync(mask, !(predicate)) == 0u)

inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((1ull * a * b) >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(x); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }

inline unsigned __float_as_uint(float x) { return bits_as<unsigned>(x); }
inline int __float_as_int(float x) { return bits_as<int>(x); }
inline float __uint_as_float(unsigned x) { return bits_as<float>(x); }
inline float __int_as_float(int x) { return bits_as<float>(x); }
inline long long __double_as_longlong(double x) { return bits_as<long long>(x); }
inline double __longlong_as_double(long long x) { return bits_as<double>(x); }

template <class T>
inline T atomicCAS(T* place, T expected, T desired) {
  const T old = *place;
  if (old == expected) *place = desired;
  return old;
}
template <class T>
inline T atomicExch(T* place, T desired) {
  const T old = *place;
  *place = desired;
  return old;
}
inline unsigned atomicAdd(unsigned* place, unsigned x) { return (*place += x) - x; }
inline int atomicAdd(int* place, int x) { return (*place += x) - x; }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __trap() { __builtin_trap(); }

#define SHIM_UNARY(index, name)                                         \
  inline float name##f(float x) { return runtime.unary_f32[index](x); } \
  inline float name(float x) { return runtime.unary_f32[index](x); }    \
  inline double name(double x) { return runtime.unary_f64[index](x); }
SHIM_UNARY(0, exp)
SHIM_UNARY(1, log)
SHIM_UNARY(2, expm1)
SHIM_UNARY(3, log1p)
SHIM_UNARY(4, sin)
SHIM_UNARY(5, cos)
SHIM_UNARY(6, tanh)
SHIM_UNARY(7, erf)
SHIM_UNARY(8, erfc)
SHIM_UNARY(9, normcdf)
inline float powf(float x, float y) { return runtime.pow_f32(x, y); }
inline float pow(float x, float y) { return runtime.pow_f32(x, y); }
inline double pow(double x, double y) { return runtime.pow_f64(x, y); }

#define SHIM_BUILTIN(name)                                         \
  inline float name##f(float x) { return __builtin_##name##f(x); } \
  inline float name(float x) { return __builtin_##name##f(x); }    \
  inline double name(double x) { return __builtin_##name(x); }
#define SHIM_BUILTIN_2(name)                                                   \
  inline float name##f(float x, float y) { return __builtin_##name##f(x, y); } \
  inline float name(float x, float y) { return __builtin_##name##f(x, y); }    \
  inline double name(double x, double y) { return __builtin_##name(x, y); }
SHIM_BUILTIN(sqrt)
SHIM_BUILTIN(fabs)
SHIM_BUILTIN(floor)
SHIM_BUILTIN(ceil)
SHIM_BUILTIN(trunc)
SHIM_BUILTIN(rint)
SHIM_BUILTIN(round)
SHIM_BUILTIN(nearbyint)
SHIM_BUILTIN(logb)
SHIM_BUILTIN(cbrt)
SHIM_BUILTIN(exp2)
SHIM_BUILTIN(log2)
SHIM_BUILTIN(log10)
SHIM_BUILTIN(tan)
SHIM_BUILTIN(asin)
SHIM_BUILTIN(acos)
SHIM_BUILTIN(atan)
SHIM_BUILTIN(sinh)
SHIM_BUILTIN(cosh)
SHIM_BUILTIN(asinh)
SHIM_BUILTIN(acosh)
SHIM_BUILTIN(atanh)
SHIM_BUILTIN(lgamma)
SHIM_BUILTIN(tgamma)
SHIM_BUILTIN_2(fmin)
SHIM_BUILTIN_2(fmax)
SHIM_BUILTIN_2(fdim)
SHIM_BUILTIN_2(fmod)
SHIM_BUILTIN_2(remainder)
SHIM_BUILTIN_2(copysign)
SHIM_BUILTIN_2(nextafter)
SHIM_BUILTIN_2(hypot)
SHIM_BUILTIN_2(atan2)
// A builtin of GCC alone.
inline float exp10f(float x) { return runtime.pow_f32(10, x); }
inline float exp10(float x) { return runtime.pow_f32(10, x); }
inline double exp10(double x) { return runtime.pow_f64(10, x); }
inline float fmaf(float x, float y, float z) { return __builtin_fmaf(x, y, z); }
inline double fma(double x, double y, double z) { return __builtin_fma(x, y, z); }
template <class T>
inline bool isnan(T x) {
  return x != x;
}
template <class T>
inline bool isinf(T x) {
  return x - x != x - x && x == x;
}
inline int min(int a, int b) { return b < a ? b : a; }
inline unsigned min(unsigned a, unsigned b) { return b < a ? b : a; }
inline long long min(long long a, long long b) { return b < a ? b : a; }
inline unsigned long long min(unsigned long long a, unsigned long long b) { return b < a ? b : a; }
inline int max(int a, int b) { return a < b ? b : a; }
inline unsigned max(unsigned a, unsigned b) { return a < b ? b : a; }
inline long long max(long long a, long long b) { return a < b ? b : a; }
inline unsigned long long max(unsigned long long a, unsigned long long b) { return a < b ? b : a; }

template <int... I>
struct Indices {};
template <int N, int... I>
struct Counted : Counted<N - 1, N - 1, I...> {};
template <int... I>
struct Counted<0, I...> {
  using type = Indices<I...>;
};

template <class... P>
constexpr int parameters_of(void (*)(P...)) {
  return sizeof...(P);
}
template <auto kernel, class... P, int... I>
inline void run(void (*)(P...), Indices<I...>, const unsigned long long* arguments, int* next, int end,
                int step) {
  static_assert(((sizeof(P) == 8) && ...), "parameters of kernels have 8 bytes");
  while (*next != end) {
    threadIdx.x = unsigned(*next);
    *next += step;
    kernel(bits_as<P>(arguments[I])...);
  }
}
template <auto kernel>
void run_threads(const unsigned long long* arguments, int* next, int end, int step) {
  run<kernel>(kernel, typename Counted<parameters_of(kernel)>::type(), arguments, next, end, step);
}

}  // namespace
