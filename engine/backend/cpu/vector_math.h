#pragma once

#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>

// Elementary functions for the pointwise kernels. The f32 versions of exp and its relatives are branch-free,
// so that compilers turn a loop over them into vector code; the others call the standard library. All keep
// NaN and infinity.

namespace nabla::cpu {

using Complex = std::complex<double>;

/// e^x within 2 ulp: x = n ln 2 + r, e^r by its Taylor polynomial (|r| <= ln(2)/2), scaled by 2^n in two
/// steps so that subnormal results come out.
inline float exp_f32(float x) {
  constexpr float kShift = 12582912.0F;  // 1.5 * 2^23: adding it rounds to the nearest integer
  const float bounded = x > 89.0F ? 89.0F : (x < -104.0F ? -104.0F : x);  // NaN passes
  const float n = (bounded * 1.44269504F + kShift) - kShift;
  const float r = (bounded - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.0F / 5040.0F;
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = (p * r * r + r) + 1.0F;
  // A NaN has no integer; it enters the result through p alone.
  const std::int32_t i = static_cast<std::int32_t>(n == n ? n : 0.0F);
  const std::int32_t half = i / 2;
  const float scale_a = std::bit_cast<float>((half + 127) << 23);
  const float scale_b = std::bit_cast<float>((i - half + 127) << 23);
  return p * scale_a * scale_b;
}

inline float exp(float x) { return exp_f32(x); }
inline double exp(double x) { return std::exp(x); }
inline Complex exp(Complex x) { return std::exp(x); }

inline float sigmoid(float x) { return 1.0F / (1.0F + exp_f32(-x)); }
inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
inline Complex sigmoid(Complex x) { return 1.0 / (1.0 + std::exp(-x)); }

/// Odd polynomial (Cephes tanhf) near 0, 1 - 2/(e^2x + 1) elsewhere.
inline float tanh(float x) {
  const float a = std::fabs(x);
  const float z = x * x;
  float p = -5.70498872745e-3F;
  p = p * z + 2.06390887954e-2F;
  p = p * z - 5.37397155531e-2F;
  p = p * z + 1.33314422036e-1F;
  p = p * z - 3.33332819422e-1F;
  const float small = p * z * x + x;
  const float large = std::copysign(1.0F - 2.0F / (exp_f32(2.0F * a) + 1.0F), x);
  return a < 0.625F ? small : large;
}
inline double tanh(double x) { return std::tanh(x); }
inline Complex tanh(Complex x) { return std::tanh(x); }

// The standard library has no complex expm1 and log1p; near 0 these keep what a complex step needs.
inline Complex expm1(Complex x) {
  const double s = std::sin(0.5 * x.imag());
  const double growth = std::expm1(x.real());
  return {growth - 2 * s * s * (growth + 1), std::exp(x.real()) * std::sin(x.imag())};
}
inline Complex log1p(Complex x) {
  return {0.5 * std::log1p(x.real() * (2 + x.real()) + x.imag() * x.imag()),
          std::atan2(x.imag(), 1 + x.real())};
}
/// erf along a complex step: f(a + ib) = f(a) + ib f'(a), exact to the order that the step resolves.
inline Complex erf(Complex x) {
  return {std::erf(x.real()), x.imag() * std::exp(-x.real() * x.real()) * 1.1283791670955126};
}

}  // namespace nabla::cpu
