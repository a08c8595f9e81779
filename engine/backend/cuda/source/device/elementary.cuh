#pragma once

#include "engine/backend/cuda/source/device/types.cuh"

// Elementary functions, CUDA's own where it has them. What is made of these for all backends is in
// scalar.inc, behind them.

#define NABLA_FN __device__ __forceinline__
#define NABLA_C ::

namespace scalar {

NABLA_FN float sqrt(float x) { return ::sqrtf(x); }
NABLA_FN double sqrt(double x) { return ::sqrt(x); }
NABLA_FN float exp(float x) { return ::expf(x); }
NABLA_FN double exp(double x) { return ::exp(x); }
NABLA_FN float log(float x) { return ::logf(x); }
NABLA_FN double log(double x) { return ::log(x); }
NABLA_FN float expm1(float x) { return ::expm1f(x); }
NABLA_FN double expm1(double x) { return ::expm1(x); }
NABLA_FN float log1p(float x) { return ::log1pf(x); }
NABLA_FN double log1p(double x) { return ::log1p(x); }
NABLA_FN float sin(float x) { return ::sinf(x); }
NABLA_FN double sin(double x) { return ::sin(x); }
NABLA_FN float cos(float x) { return ::cosf(x); }
NABLA_FN double cos(double x) { return ::cos(x); }
NABLA_FN float tanh(float x) { return ::tanhf(x); }
NABLA_FN double tanh(double x) { return ::tanh(x); }
NABLA_FN float erf(float x) { return ::erff(x); }
NABLA_FN double erf(double x) { return ::erf(x); }
NABLA_FN float erfc(float x) { return ::erfcf(x); }
NABLA_FN double erfc(double x) { return ::erfc(x); }
NABLA_FN float normal_cdf(float x) { return ::normcdff(x); }
NABLA_FN double normal_cdf(double x) { return ::normcdf(x); }
NABLA_FN float fma(float x, float y, float z) { return ::fmaf(x, y, z); }
NABLA_FN double fma(double x, double y, double z) { return ::fma(x, y, z); }
NABLA_FN float pow(float x, float y) { return ::powf(x, y); }
NABLA_FN double pow(double x, double y) { return ::pow(x, y); }
NABLA_FN float fabs(float x) { return ::fabsf(x); }
NABLA_FN double fabs(double x) { return ::fabs(x); }
// The exponential never overflows, and the tail below 0 keeps its digits.
template <class T>
NABLA_FN T sigmoid(T x) {
  const T e = exp(-fabs(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}
template <class T>
NABLA_FN T sech(T x) {
  const T e = exp(-fabs(x));
  return T(2) * e / (T(1) + e * e);
}
// What the square has lost is put back; beyond 40 it is 0.
template <class T>
NABLA_FN T gaussian(T x) {
  const T far = fabs(x), a = far < T(40) || far != far ? far : T(40);
  const T square = a * a;
  return exp(T(-0.5) * square) * (T(1) - T(0.5) * fma(a, a, -square));
}
// Equal infinities have no difference.
template <class T>
NABLA_FN T logaddexp(T a, T b) {
  const T gap = a == b ? T(0) : fabs(a - b);
  return (a > b || a != a ? a : b) + log1p(exp(-gap));
}

// silu and its derivative where sigmoid(x) is subnormal, so that a product with x would carry what it has
// lost: e^x is multiplied by half after half.
constexpr float kSiluTail = -87;
NABLA_FN float silu_tail(float x) {
  const float root = exp(x * 0.5f);
  return x == -infinity<float>() ? -0.0f : x * root * root;
}
NABLA_FN float silu_slope_tail(float x) {
  const float root = exp(x * 0.5f);
  return x == -infinity<float>() ? 0.0f : (1.0f + x) * root * root;
}
// gelu and its derivative in the tail, by |x| normal_cdf(x) / density(x), which is 1 - 1/x^2 + 3/x^4 - 15/x^6
// + ..
constexpr float kGeluTail = -13;
NABLA_FN float times_density(float x, float factor) {
  const float root = gaussian(x * 0.5f), half = root * root;
  return factor * 0.39894228040143267794f * half * half;
}
NABLA_FN float mills(float x) {
  const float i = 1.0f / x / x;
  return 1.0f - i * (1.0f - i * (3.0f - i * (15.0f - i * 105.0f)));
}
NABLA_FN float gelu_tail(float x) { return times_density(x, -mills(x)); }
NABLA_FN float gelu_slope_tail(float x) {
  return x == -infinity<float>() ? 0.0f : times_density(x, x - mills(x) / x);
}

}  // namespace scalar
