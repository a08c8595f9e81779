#pragma once

#include "engine/backend/cuda/source/device/arithmetic.cuh"

// Elementary functions, CUDA's own where it has them.

__device__ __forceinline__ float sqrt_(float x) { return sqrtf(x); }
__device__ __forceinline__ double sqrt_(double x) { return sqrt(x); }
__device__ __forceinline__ float exp_(float x) { return expf(x); }
__device__ __forceinline__ double exp_(double x) { return exp(x); }
__device__ __forceinline__ float log_(float x) { return logf(x); }
__device__ __forceinline__ double log_(double x) { return log(x); }
__device__ __forceinline__ float expm1_(float x) { return expm1f(x); }
__device__ __forceinline__ double expm1_(double x) { return expm1(x); }
__device__ __forceinline__ float log1p_(float x) { return log1pf(x); }
__device__ __forceinline__ double log1p_(double x) { return log1p(x); }
__device__ __forceinline__ float sin_(float x) { return sinf(x); }
__device__ __forceinline__ double sin_(double x) { return sin(x); }
__device__ __forceinline__ float cos_(float x) { return cosf(x); }
__device__ __forceinline__ double cos_(double x) { return cos(x); }
__device__ __forceinline__ float tanh_(float x) { return tanhf(x); }
__device__ __forceinline__ double tanh_(double x) { return tanh(x); }
__device__ __forceinline__ float erf_(float x) { return erff(x); }
__device__ __forceinline__ double erf_(double x) { return erf(x); }
__device__ __forceinline__ float erfc_(float x) { return erfcf(x); }
__device__ __forceinline__ double erfc_(double x) { return erfc(x); }
__device__ __forceinline__ float normal_cdf_(float x) { return normcdff(x); }
__device__ __forceinline__ double normal_cdf_(double x) { return normcdf(x); }
__device__ __forceinline__ float fma_(float x, float y, float z) { return fmaf(x, y, z); }
__device__ __forceinline__ double fma_(double x, double y, double z) { return fma(x, y, z); }
__device__ __forceinline__ float pow_(float x, float y) { return powf(x, y); }
__device__ __forceinline__ double pow_(double x, double y) { return pow(x, y); }
template <class T>
__device__ __forceinline__ T rsqrt_(T x) {
  return T(1) / sqrt_(x);
}
// The exponential never overflows, and the tail below 0 keeps its digits.
template <class T>
__device__ __forceinline__ T sigmoid_(T x) {
  const T e = exp_(-abs_(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}
// silu and its derivative of x and s = sigmoid(x). Where that of f32 is subnormal a product with x would
// carry what it has lost: there e^x is multiplied by half after half.
template <class T>
__device__ __forceinline__ T silu_(T x, T s) {
  if (x == -infinity<T>()) return -T(0);
  if (sizeof(T) == 8 || !(x < T(-87))) return x * s;
  const T root = exp_(x * T(0.5));
  return x * root * root;
}
template <class T>
__device__ __forceinline__ T silu_slope_(T x, T s) {
  if (abs_(x) == infinity<T>()) return s;
  if (sizeof(T) == 8 || !(x < T(-87))) return s * (T(1) + x * (T(1) - s));
  const T root = exp_(x * T(0.5));
  return (T(1) + x) * root * root;
}
template <class T>
__device__ __forceinline__ T sech_(T x) {
  const T e = exp_(-abs_(x));
  return T(2) * e / (T(1) + e * e);
}
// What the square has lost is put back; beyond 40 it is 0.
template <class T>
__device__ __forceinline__ T gaussian_(T x) {
  const T a = min_(abs_(x), T(40));
  const T square = a * a;
  return exp_(T(-0.5) * square) * (T(1) - T(0.5) * fma_(a, a, -square));
}
// gelu and its derivative of x and s = normal_cdf(x), in the tail by |x| normal_cdf(x) / density(x), which is
// 1 - 1/x^2 + 3/x^4 - 15/x^6 + ..
template <class T>
__device__ __forceinline__ T gelu_tail_(T x, T factor) {
  const T root = gaussian_(x * T(0.5)), half = root * root;
  return factor * T(0.39894228040143267794) * half * half;
}
template <class T>
__device__ __forceinline__ T mills_(T x) {
  const T i = T(1) / x / x;
  return T(1) - i * (T(1) - i * (T(3) - i * (T(15) - i * T(105))));
}
template <class T>
__device__ __forceinline__ T gelu_(T x, T s) {
  if (x == -infinity<T>()) return -T(0);
  if (sizeof(T) == 8 || !(x < T(-13))) return x * s;
  return gelu_tail_(x, -mills_(x));
}
template <class T>
__device__ __forceinline__ T gelu_slope_(T x, T s) {
  if (abs_(x) == infinity<T>()) return s;
  if (sizeof(T) == 8 || !(x < T(-13))) return s + x * gaussian_(x) * T(0.39894228040143267794);
  return gelu_tail_(x, x - mills_(x) / x);
}
// Equal infinities have no difference.
template <class T>
__device__ __forceinline__ T logaddexp_(T a, T b) {
  const T gap = a == b ? T(0) : abs_(a - b);
  return max_(a, b) + log1p_(exp_(-gap));
}
