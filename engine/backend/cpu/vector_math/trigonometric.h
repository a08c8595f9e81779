#pragma once

#include <limits>

#include "engine/backend/cpu/vector_math/bits.h"

// sin and cos: x = n pi/2 + r with |r| <= pi/4, reduced in f64, minimax polynomials in r in f32.

namespace nabla::cpu {

struct QuarterTurns {
  std::uint32_t n;  ///< modulo 4
  float r;
};

/// Cody and Waite: pi/2 in two parts, n times the first of which is exact.
NABLAFLOW_INLINED QuarterTurns reduce_moderate(float x) {
  constexpr double kHigh = 0x1.921fb54p+0;  // 28 bits
  constexpr double kLow = 0x1.10b4611a62633p-30;
  const double wide = static_cast<double>(x);
  const double rounded = wide * 0x1.45f306dc9c883p-1 + kRoundF64;
  const double n = rounded - kRoundF64;
  return {static_cast<std::uint32_t>(bits_of(rounded)), static_cast<float>((wide - n * kHigh) - n * kLow)};
}

/// Where reduce_moderate() may be used.
NABLAFLOW_INLINED bool is_moderate_angle(float x) { return magnitude(x) <= 0x1p24F; }

NABLAFLOW_INLINED float sin_of(QuarterTurns a) {
  const float z = a.r * a.r;
  float s = -0x1.9955bap-13F;
  s = s * z + 0x1.11077cp-7F;
  s = s * z - 0x1.555546p-3F;
  float c = 0x1.99e0eap-16F;
  c = c * z - 0x1.6c0c1ap-10F;
  c = c * z + 0x1.55554ap-5F;
  const float sine = a.r + a.r * (z * s);
  const float cosine = (1.0F - 0.5F * z) + z * z * c;
  const float value = (a.n & 1U) != 0 ? cosine : sine;
  return f32_of(bits_of(value) ^ ((a.n & 2U) << 30));
}

NABLAFLOW_INLINED float sin_moderate(float x) {
  const float value = sin_of(reduce_moderate(x));
  return x == 0.0F ? x : value;
}
NABLAFLOW_INLINED float cos_moderate(float x) {
  QuarterTurns a = reduce_moderate(x);
  a.n += 1U;
  return sin_of(a);
}

/// Payne and Hanek in f64: x times 2/pi in eight pieces of 24 bits, whose products with x are exact. Each is
/// taken modulo 4 quarter turns and cut at 2^-24: the sum of the upper parts is exact and loses only the
/// integer, the lower parts add what that leaves out.
struct TurnSum {
  double upper;
  double lower;
};
NABLAFLOW_INLINED TurnSum add_product(TurnSum sum, double x, double piece) {
  constexpr double kRoundToFour = 0x1.8p54;
  constexpr double kRoundTo24Bits = 0x1.8p28;
  const double product = x * piece;
  // Beyond 2^50 every one of its 48 bits stands for a multiple of 4.
  const double bounded = product < 0x1p50 ? product : 0.0;
  const double turns = bounded - ((bounded + kRoundToFour) - kRoundToFour);
  const double cut = (turns + kRoundTo24Bits) - kRoundTo24Bits;
  return {sum.upper + cut, sum.lower + (turns - cut)};
}
NABLAFLOW_INLINED QuarterTurns reduce_any(float magnitude) {
  const double x = static_cast<double>(magnitude);
  TurnSum sum{0.0, 0.0};
  sum = add_product(sum, x, 0x1.45f306p-1);
  sum = add_product(sum, x, 0x1.b93910p-26);
  sum = add_product(sum, x, 0x1.529fc0p-52);
  sum = add_product(sum, x, 0x1.3abe88p-75);
  sum = add_product(sum, x, 0x1.ea69bap-97);
  sum = add_product(sum, x, 0x1.81b6c4p-121);
  sum = add_product(sum, x, 0x1.2b3278p-145);
  sum = add_product(sum, x, 0x1.0e4104p-170);
  const double rounded = sum.upper + kRoundF64;
  const double turns = (sum.upper - (rounded - kRoundF64)) + sum.lower;
  return {static_cast<std::uint32_t>(bits_of(rounded)), static_cast<float>(turns * 0x1.921fb54442d18p+0)};
}

/// For every x; infinity and NaN give NaN.
NABLAFLOW_INLINED QuarterTurns reduce(float x) {
  const float size = magnitude(x);
  const QuarterTurns moderate = reduce_moderate(x);
  const QuarterTurns any = reduce_any(size);
  const float large =
      size < std::numeric_limits<float>::infinity() ? any.r : std::numeric_limits<float>::quiet_NaN();
  const std::uint32_t negative = 0U - (bits_of(x) >> 31);
  const bool is_moderate = is_moderate_angle(x);
  return {is_moderate ? moderate.n : (any.n ^ negative) - negative,
          is_moderate ? moderate.r : f32_of(bits_of(large) ^ (negative & kSignF32))};
}
NABLAFLOW_INLINED float sin(float x) {
  const float value = sin_of(reduce(x));
  return x == 0.0F ? x : value;
}
NABLAFLOW_INLINED float cos(float x) {
  QuarterTurns a = reduce(x);
  a.n += 1U;
  return sin_of(a);
}

}  // namespace nabla::cpu
