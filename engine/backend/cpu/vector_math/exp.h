#pragma once

#include "engine/backend/cpu/vector_math/bits.h"

// exp and expm1: x = n ln 2 + r with |r| <= ln(2)/2, a minimax polynomial in r, scaling by 2^n.

namespace nabla::cpu {

/// x - below = n ln 2 + (r + tail), tail the part that r has no room for; below is a small part of the
/// argument that x has no room for.
struct ExpReduction {
  std::uint32_t rounded;  ///< bits whose low end is n
  float r;
  float tail;
};
NABLAFLOW_INLINED ExpReduction reduce_exp(float x, float below = 0.0F) {
  constexpr float kLn2High = 0x1.62e4p-1F;  // 16 bits: products with n are exact
  constexpr float kLn2Low = 0x1.7f7d1cp-20F;
  const float rounded = (x - below) * 1.44269504F + kRoundF32;
  const float n = rounded - kRoundF32;
  const float high = (x - n * kLn2High) - below;
  const float low = n * kLn2Low;
  const float r = high - low;
  return {bits_of(rounded), r, (high - r) - low};
}

/// e^(x - below) = 2^n (1 + t), t with a relative error of about half an ulp of 1.
struct ExpParts {
  std::uint32_t rounded;
  float t;
};
NABLAFLOW_INLINED ExpParts exp_parts(float x, float below = 0.0F) {
  const ExpReduction a = reduce_exp(x, below);
  const float r = a.r;
  float p = 0x1.6ac066p-10F;
  p = p * r + 0x1.123e30p-7F;
  p = p * r + 0x1.555858p-5F;
  p = p * r + 0x1.55548cp-3F;
  p = p * r + 0x1.fffffcp-2F;
  return {a.rounded, p * r * r + r};
}

/// 2^n in two factors, the first near 2^(n/2): a product with one after the other is rounded once where it is
/// subnormal.
struct TwoScales {
  float first, second;
};
NABLAFLOW_INLINED TwoScales scales_of(const ExpParts& e) {
  const std::int32_t n = static_cast<std::int32_t>(e.rounded - bits_of(kRoundF32));
  const std::int32_t half = n >> 1;
  return {power_of_two(static_cast<std::uint32_t>(half)), power_of_two(static_cast<std::uint32_t>(n - half))};
}

/// m e^x
NABLAFLOW_INLINED float scaled(float m, const ExpParts& e) {
  const TwoScales scales = scales_of(e);
  return (m + m * e.t) * scales.first * scales.second;
}

NABLAFLOW_INLINED float exp(float x) {
  const ExpParts e = exp_parts(clamped(x, -104.0F, 89.0F));
  const TwoScales scales = scales_of(e);
  return (e.t + 1.0F) * scales.first * scales.second;
}

/// e^x for x in [-87, 88].
NABLAFLOW_INLINED float exp_moderate(float x) {
  const ExpParts e = exp_parts(x);
  return (e.t + 1.0F) * power_of_two(e.rounded);
}

/// e^x for x <= 0 or NaN, to the bits of exp: 2^n has room beside 2^64, and is rounded once by taking that
/// away.
NABLAFLOW_INLINED float exp_nonpositive(float x) {
  const ExpParts e = exp_parts(x < -104.0F ? -104.0F : x);
  return (e.t + 1.0F) * power_of_two(e.rounded + 64U) * 0x1p-64F;
}

NABLAFLOW_INLINED float expm1(float x) {
  const ExpReduction a = reduce_exp(clamped(x, -18.0F, 89.0F));
  const float r = a.r;
  float p = 0x1.9c6696p-13F;
  p = p * r + 0x1.6d4c7cp-10F;
  p = p * r + 0x1.111364p-7F;
  p = p * r + 0x1.5554eap-5F;
  p = p * r + 0x1.555554p-3F;
  p = p * r + 0.5F;
  const float rest = p * r * r + a.tail;  // e^r - 1 = r + rest
  // Half of 2^n (r + rest) + (2^n - 1), since 2^128 is too much: the large terms are added with their
  // rounding error.
  const float scale = power_of_two(a.rounded - 1U);
  const float shift = scale - 0.5F;
  const float scaled = scale * r;
  const float sum = shift + scaled;
  const float error = scaled - (sum - shift);
  const float result = 2.0F * (sum + (error + scale * rest));
  return magnitude(x) < 0x1p-100F ? x : result;
}

}  // namespace nabla::cpu
