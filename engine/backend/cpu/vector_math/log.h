#pragma once

#include <limits>

#include "engine/backend/cpu/vector_math/bits.h"

// log and log1p: x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)], a minimax polynomial in f.

namespace nabla::cpu {

/// k ln 2 + log(1 + f)
NABLAFLOW_INLINED float log_of_parts(float k, float f) {
  constexpr float kLn2High = 0x1.62e4p-1F;  // 16 bits: products with k are exact
  constexpr float kLn2Low = 0x1.7f7d1cp-20F;
  float p = 0x1.b4c184p-5F;
  p = p * f - 0x1.bfcbf0p-4F;
  p = p * f + 0x1.f00faep-4F;
  p = p * f - 0x1.00f930p-3F;
  p = p * f + 0x1.230370p-3F;
  p = p * f - 0x1.552f1ap-3F;
  p = p * f + 0x1.99a540p-3F;
  p = p * f - 0x1.000070p-2F;
  p = p * f + 0x1.555548p-2F;
  const float square = f * f;
  const float rest = (p * f * square - 0.5F * square) + k * kLn2Low;
  return k * kLn2High + (f + rest);
}

NABLAFLOW_INLINED float log(float x) {
  constexpr float kSmallest = std::numeric_limits<float>::min();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float normal = x < kSmallest ? x * 0x1p23F : x;
  const std::uint32_t shifted = bits_of(normal) + (bits_of(1.0F) - kSqrtHalfF32);
  const float k =
      static_cast<float>(static_cast<std::int32_t>(shifted >> 23)) - (x < kSmallest ? 150.0F : 127.0F);
  const float f = f32_of((shifted & 0x007fffffU) + kSqrtHalfF32) - 1.0F;
  const float finite = log_of_parts(k, f);
  const float positive = x < kInfinity ? finite : x;  // infinity and NaN
  const float real = x < 0.0F ? std::numeric_limits<float>::quiet_NaN() : positive;
  return x == 0.0F ? -kInfinity : real;
}

NABLAFLOW_INLINED float log1p(float x) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::uint32_t shifted = bits_of(1.0F + x) + (bits_of(1.0F) - kSqrtHalfF32);
  const std::int32_t exponent = static_cast<std::int32_t>(shifted >> 23) - 127;
  // 1 + x is rounded: f = (1 + x) 2^-k - 1 comes from x itself, except where 1 + x is x and the scale too
  // small.
  const float scale = power_of_two(static_cast<std::uint32_t>(-exponent));
  const float near = scale * x + (scale - 1.0F);
  const float far = f32_of((shifted & 0x007fffffU) + kSqrtHalfF32) - 1.0F;
  const float finite = log_of_parts(static_cast<float>(exponent), x < 0x1p30F ? near : far);
  const float positive = x < kInfinity ? finite : x;
  const float real = x < -1.0F ? std::numeric_limits<float>::quiet_NaN() : positive;
  const float result = x == -1.0F ? -kInfinity : real;
  return x == 0.0F ? x : result;
}

}  // namespace nabla::cpu
