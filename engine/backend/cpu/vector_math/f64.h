#pragma once

#include <cmath>
#include <limits>

#include "engine/backend/cpu/vector_math/bits.h"

// exp, expm1, log, tanh, sigmoid, sech and gaussian of f64 in the way of their f32 relatives, within 2
// ulp (sech 2.5); the others call the standard library.

namespace nabla::cpu {

NABLAFLOW_INLINED double magnitude(double x) { return f64_of(bits_of(x) & ~kSignF64); }
NABLAFLOW_INLINED double with_sign_of(double magnitude, double sign) {
  return f64_of((bits_of(magnitude) & ~kSignF64) | (bits_of(sign) & kSignF64));
}

/// 2^n for n in [-1022, 1023] from the bits of n + kRoundF64.
NABLAFLOW_INLINED double power_of_two(std::uint64_t rounded) { return f64_of((rounded + 1023U) << 52); }

/// x - below = n ln 2 + r + tail, e^(r + tail) - 1 = r + rest; below is a small part of the argument that x
/// has no room for.
struct ExpPartsF64 {
  std::uint64_t rounded;  ///< bits whose low end is n
  double r;
  double rest;
};
NABLAFLOW_INLINED ExpPartsF64 exp_parts(double x, double below = 0.0) {
  constexpr double kLn2High = 0x1.62e42fefa38p-1;  // 42 bits: products with n are exact
  constexpr double kLn2Low = 0x1.ef35793c76730p-45;
  const double rounded = x * 0x1.71547652b82fep+0 + kRoundF64;
  const double n = rounded - kRoundF64;
  const double high = x - n * kLn2High;
  const double low = n * kLn2Low;
  const double r = (high - below) - low;
  const double tail = ((high - r) - below) - low;
  double p = 0x1.898dbd7c42f1dp-33;
  p = p * r + 0x1.1f9aa1dc0eec7p-29;
  p = p * r + 0x1.ae482dce174c5p-26;
  p = p * r + 0x1.27e4bfe99a841p-22;
  p = p * r + 0x1.71de418e3b723p-19;
  p = p * r + 0x1.a01a01b319b1ap-16;
  p = p * r + 0x1.a01a019e6c89dp-13;
  p = p * r + 0x1.6c16c16c13f7bp-10;
  p = p * r + 0x1.11111111113bfp-7;
  p = p * r + 0x1.555555555555ap-5;
  p = p * r + 0x1.5555555555555p-3;
  p = p * r + 0.5;
  return {bits_of(rounded), r, p * r * r + tail};
}

/// 2^n in two factors, the first near 2^(n/2): a product with one after the other is rounded once where it is
/// subnormal. The offset keeps n positive: a shift that keeps the sign has no vector form below AVX-512.
struct TwoScalesF64 {
  double first, second;
};
NABLAFLOW_INLINED TwoScalesF64 scales_of(const ExpPartsF64& e) {
  const std::uint64_t n = e.rounded - bits_of(kRoundF64) + 2048U;
  const std::uint64_t half = n >> 1;
  return {power_of_two(half - 1024U), power_of_two(n - half - 1024U)};
}

NABLAFLOW_INLINED double exp(double x) {
  const ExpPartsF64 e = exp_parts(clamped(x, -746.0, 710.0));
  const TwoScalesF64 scales = scales_of(e);
  return ((e.r + e.rest) + 1.0) * scales.first * scales.second;
}

NABLAFLOW_INLINED double exp_nonpositive(double x) { return exp(x); }

NABLAFLOW_INLINED double expm1(double x) {
  const ExpPartsF64 e = exp_parts(clamped(x, -40.0, 710.0));
  const double scale = power_of_two(e.rounded - 1U);
  const double shift = scale - 0.5;
  const double scaled = scale * e.r;
  const double sum = shift + scaled;
  const double error = scaled - (sum - shift);
  const double result = 2.0 * (sum + (error + scale * e.rest));
  return magnitude(x) < 0x1p-900 ? x : result;
}

/// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)]; log(1 + f) = 2 atanh(f / (2 + f)).
NABLAFLOW_INLINED double log(double x) {
  constexpr double kLn2High = 0x1.62e42fefa38p-1;
  constexpr double kLn2Low = 0x1.ef35793c76730p-45;
  constexpr double kSmallest = std::numeric_limits<double>::min();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double normal = x < kSmallest ? x * 0x1p52 : x;
  const std::uint64_t shifted = bits_of(normal) + (bits_of(1.0) - kSqrtHalfF64);
  const double k =
      f64_of((shifted >> 52) | bits_of(0x1p52)) - (x < kSmallest ? 0x1p52 + 1075.0 : 0x1p52 + 1023.0);
  const double f = f64_of((shifted & 0x000fffffffffffffU) + kSqrtHalfF64) - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double p = 0x1.2f04e79d6af55p-3;
  p = p * z + 0x1.39a1cd07caaa9p-3;
  p = p * z + 0x1.74663de8fc28fp-3;
  p = p * z + 0x1.c71c521027ec1p-3;
  p = p * z + 0x1.24924941e5586p-2;
  p = p * z + 0x1.999999997feedp-2;
  p = p * z + 0x1.5555555555592p-1;
  const double half_square = 0.5 * f * f;
  const double rest = s * (half_square + z * p) + k * kLn2Low;
  const double finite = k * kLn2High + (f - (half_square - rest));
  const double positive = x < kInfinity ? finite : x;  // infinity and NaN
  const double real = x < 0.0 ? std::numeric_limits<double>::quiet_NaN() : positive;
  return x == 0.0 ? -kInfinity : real;
}

NABLAFLOW_INLINED double sigmoid(double x) {
  const ExpPartsF64 e = exp_parts(clamped(-x, -700.0, 746.0));
  const bool is_tail = x < -500.0;
  const double one = is_tail ? 0x1p-512 : 1.0;
  // Selected as a number: SSE2 cannot select 64-bit integers.
  const double scale = power_of_two(bits_of(f64_of(e.rounded) - (is_tail ? 512.0 : 0.0)));
  const double sum = one + scale;
  const double error = one - (sum - scale);
  return one / (sum + (scale * (e.r + e.rest) + error));
}

NABLAFLOW_INLINED double sech(double x) {
  const double e = exp(-magnitude(x));
  return 2.0 * e / (1.0 + e * e);
}

/// e^-(x^2 / 2)
NABLAFLOW_INLINED double gaussian(double x) {
  const double a = clamped(magnitude(x), 0.0, 39.0);
  const double leading = f64_of(bits_of(a) & 0xfffffffff8000000U);
  const ExpPartsF64 e = exp_parts(-0.5 * (leading * leading), 0.5 * ((a - leading) * (a + leading)));
  const TwoScalesF64 scales = scales_of(e);
  return ((e.r + e.rest) + 1.0) * scales.first * scales.second;
}

/// A rational function near 0 (Cephes), 1 - 2 / (e^2|x| + 1) elsewhere, with one division for both.
NABLAFLOW_INLINED double tanh(double x) {
  const double a = magnitude(x);
  const double z = x * x;
  const double p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3;
  const double q =
      ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3;
  const ExpPartsF64 e = exp_parts(clamped(2.0 * a, 0.0, 40.0));
  const double exponential = ((e.r + e.rest) + 1.0) * power_of_two(e.rounded);
  const bool is_small = a < 0.625;
  const double top = is_small ? a * (z * p) : -2.0;
  const double bottom = is_small ? q : exponential + 1.0;
  return with_sign_of((is_small ? a : 1.0) + top / bottom, x);
}

NABLAFLOW_INLINED double log1p(double x) { return std::log1p(x); }
NABLAFLOW_INLINED double sin(double x) { return std::sin(x); }
NABLAFLOW_INLINED double cos(double x) { return std::cos(x); }
NABLAFLOW_INLINED double erf(double x) { return std::erf(x); }
NABLAFLOW_INLINED double erfc(double x) { return std::erfc(x); }
/// erfc(-x / sqrt 2) / 2. In the tail erfc(z) falls by 2 z of itself, which counts the rounding of z hundreds
/// of times: what z has lost is put back.
NABLAFLOW_INLINED double normal_cdf(double x) {
  constexpr double kSqrtHalf = 0x1.6a09e667f3bcdp-1;
  constexpr double kHigh = 0x1.6a09e6p-1;  // products with the leading bits of x are exact
  constexpr double kLow = 0x1.9fcef32422cbfp-27;
  const double a = clamped(x, -40.0, 40.0);
  const double leading = f64_of(bits_of(a) & 0xfffffffff8000000U);
  const double z = a * kSqrtHalf;
  const double lost = ((leading * kHigh - z) + leading * kLow) + (a - leading) * kSqrtHalf;
  const double change = a < 0.0 ? 2.0 * z * lost : 0.0;
  return 0.5 * std::erfc(-z) * (1.0 - change);
}
NABLAFLOW_INLINED double pow(double x, double y) { return std::pow(x, y); }

}  // namespace nabla::cpu
