#pragma once

#include "engine/backend/cpu/vector_math/exp.h"

namespace nabla::cpu {

/// erf for |x| < 0.93
NABLAFLOW_INLINED float erf_near_zero(float x) {
  const float z = x * x;
  float p = -0x1.3989dap-11F;
  p = p * z + 0x1.4723fcp-8F;
  p = p * z - 0x1.b689b8p-6F;
  p = p * z + 0x1.ce1a88p-4F;
  p = p * z - 0x1.8126e8p-2F;
  p = p * z + 0x1.06eba6p-3F;
  return x + x * p;
}

/// 1 - e^q(|x|) away from 0, where q is a polynomial close to log(erfc).
NABLAFLOW_INLINED float erf(float x) {
  const float a = magnitude(x);
  const float small = erf_near_zero(a);
  const float t = a > 4.0F ? 4.0F : a;
  float q = -0x1.78ed2cp-17F;
  q = q * t + 0x1.528014p-12F;
  q = q * t - 0x1.dd6ed2p-9F;
  q = q * t + 0x1.8551e8p-6F;
  q = q * t - 0x1.b3259ep-4F;
  q = q * t - 0x1.45328ap-1F;
  q = q * t - 0x1.20ef1cp+0F;
  const float large = 1.0F - exp_moderate(q * t);
  return with_sign_of(a < 0.93F ? small : large, x);
}

/// e^-(share x^2) = 2^n (1 + t) for x >= 0: x^2 is the square of the leading bits of x, which is exact, and a
/// rest.
NABLAFLOW_INLINED ExpParts gaussian_parts(float x, float share) {
  const float leading = f32_of(bits_of(x) & 0xfffff000U);
  return exp_parts(-(share * (leading * leading)), share * ((x - leading) * (x + leading)));
}
/// e^(z^2) erfc(z) for z in [0.46, 10.2]: u = 1 / (z + 1) times a polynomial in u.
NABLAFLOW_INLINED float scaled_erfc(float z) {
  const float u = 1.0F / (z + 1.0F);
  const float s = u - 0x1.8ed158p-2F;
  float p = 0x1.dc290cp+0F;
  p = p * s - 0x1.85777ep+0F;
  p = p * s - 0x1.a5757ep-3F;
  p = p * s + 0x1.f85b10p-1F;
  p = p * s - 0x1.4eea32p-1F;
  p = p * s - 0x1.631212p-4F;
  p = p * s + 0x1.1077dcp-1F;
  p = p * s - 0x1.4ad536p-2F;
  p = p * s - 0x1.3f4636p-2F;
  p = p * s + 0x1.1b5358p-1F;
  p = p * s + 0x1.98a9f8p-1F;
  return p * u;
}

NABLAFLOW_INLINED float erfc(float x) {
  const float a = clamped(magnitude(x), 0.0F, 10.2F);
  const float tail = scaled(scaled_erfc(a), gaussian_parts(a, 1.0F));
  const float large = x < 0.0F ? 2.0F - tail : tail;
  return a < 0.47F ? 1.0F - erf_near_zero(x) : large;
}

/// e^-(x^2 / 2)
NABLAFLOW_INLINED float gaussian(float x) {
  return scaled(1.0F, gaussian_parts(clamped(magnitude(x), 0.0F, 14.5F), 0.5F));
}

/// erfc(-x / sqrt 2) / 2: the exponential knows x itself, so that the rounding of x / sqrt 2 does not count.
NABLAFLOW_INLINED float normal_cdf(float x) {
  constexpr float kSqrtHalf = 0.707106781F;
  const float a = clamped(magnitude(x), 0.0F, 14.4F);
  const float tail = scaled(0.5F * scaled_erfc(a * kSqrtHalf), gaussian_parts(a, 0.5F));
  const float large = x < 0.0F ? tail : 1.0F - tail;
  return a < 0.66F ? 0.5F + 0.5F * erf_near_zero(x * kSqrtHalf) : large;
}

/// Below it normal_cdf and gaussian are subnormal, or nearly so, and their products with x would carry what
/// they have lost: gelu and its derivative are computed whole there, and rounded once.
inline constexpr float kGeluTail = -13.0F;

/// x normal_cdf(x) for x < kGeluTail; 0 where it is less than half of the smallest number.
NABLAFLOW_INLINED float gelu_tail(float x) {
  const float a = clamped(magnitude(x), 0.0F, 14.6F);
  return scaled(-0.5F * a * scaled_erfc(a * 0.707106781F), gaussian_parts(a, 0.5F));
}
/// Its derivative.
NABLAFLOW_INLINED float gelu_slope_tail(float x) {
  const float a = clamped(magnitude(x), 0.0F, 14.6F);
  return scaled(0.5F * scaled_erfc(a * 0.707106781F) - a * 0.398942280F, gaussian_parts(a, 0.5F));
}

}  // namespace nabla::cpu
