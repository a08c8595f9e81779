#pragma once

#include <limits>

#include "engine/backend/cpu/vector_math/bits.h"

namespace nabla::cpu {

/// log2 of a f32 magnitude, to about 2^-43 of itself: x = 2^k m, then atanh of (m - 1) / (m + 1).
NABLAFLOW_INLINED double log2_magnitude(float magnitude) {
  constexpr double kTwo52 = 0x1p52;
  const double x = static_cast<double>(magnitude);
  const std::uint64_t shifted = bits_of(x) + (bits_of(1.0) - kSqrtHalfF64);
  const double k = f64_of((shifted >> 52) | bits_of(kTwo52)) - (kTwo52 + 1023.0);
  const double m = f64_of((shifted & 0x000fffffffffffffU) + kSqrtHalfF64);
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double p = 0x1.21b42377ba02ep-2;
  p = p * z + 0x1.47951ba57558cp-2;
  p = p * z + 0x1.a61a303e0f15cp-2;
  p = p * z + 0x1.2776c2915b429p-1;
  p = p * z + 0x1.ec709dc53e20ep-1;
  p = p * z + 0x1.71547652b8250p+1;
  const double finite = p * s + k;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double positive = x < kInfinity ? finite : x;  // infinity and NaN
  return x == 0.0 ? -kInfinity : positive;
}

/// 2^x, rounded to f32 once, so that subnormals and infinity come out right.
NABLAFLOW_INLINED float exp2_to_f32(double x) {
  const double bounded = clamped(x, -160.0, 130.0);
  const double rounded = bounded + kRoundF64;
  const double r = bounded - (rounded - kRoundF64);
  double p = 0x1.fdf640a67ca57p-17;
  p = p * r + 0x1.4468c526e196bp-13;
  p = p * r + 0x1.5d8a6f695e468p-10;
  p = p * r + 0x1.3b29dc60192d0p-7;
  p = p * r + 0x1.c6b08aabf4726p-5;
  p = p * r + 0x1.ebfbe0a4cf02ep-3;
  p = p * r + 0x1.62e42ff116b8bp-1;
  p = p * r + 0x1.ffffffffabbeep-1;
  return static_cast<float>(p * f64_of((bits_of(rounded) + 1023U) << 52));
}

/// |x|^y in f64, then what Annex F of C99 says about signs and special values.
NABLAFLOW_INLINED float pow(float x, float y) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float size = magnitude(x);
  const float y_size = magnitude(y);
  const float power = exp2_to_f32(static_cast<double>(y) * log2_magnitude(size));
  // From 2^24 on every y is an even integer.
  const float bounded = f32_of(bits_of(y) & mask_of(y_size < 0x1p24F));
  const std::int32_t integer = static_cast<std::int32_t>(bounded);
  const bool is_integer = static_cast<float>(integer) == bounded;
  const std::uint32_t odd_sign = (static_cast<std::uint32_t>(integer) << 31) & mask_of(is_integer);
  const float with_sign = f32_of(bits_of(power) | (bits_of(x) & odd_sign));
  const bool has_no_root = (x < 0.0F) & (x > -kInfinity) & !is_integer;
  const float real = has_no_root ? std::numeric_limits<float>::quiet_NaN() : with_sign;
  const bool is_one = (x == 1.0F) | (y == 0.0F) | ((size == 1.0F) & (y_size == kInfinity));
  return is_one ? 1.0F : real;
}

}  // namespace nabla::cpu
