#pragma once

#include "engine/backend/cpu/vector_math/exp.h"

namespace nabla::cpu {

/// 1 / (1 + e^-x), where 1 + 2^n (1 + t) is rounded once: (1 + 2^n) + 2^n t, the sum exact or with its error.
/// The tail for negative x needs denominators beyond 2^128; there both sides of the fraction are scaled by
/// 2^-64.
NABLAFLOW_INLINED float sigmoid(float x) {
  const ExpParts e = exp_parts(clamped(-x, -87.0F, 104.0F));
  const bool is_tail = x < -64.0F;
  const float one = is_tail ? 0x1p-64F : 1.0F;
  const float scale = power_of_two(e.rounded - (is_tail ? 64U : 0U));
  const float sum = one + scale;
  const float error = one - (sum - scale);
  return one / (sum + (scale * e.t + error));
}

/// Below it sigmoid is subnormal, and a product with x would carry what it has lost: silu and its derivative
/// are x e^x and (1 + x) e^x there, and rounded once.
inline constexpr float kSiluTail = -87.0F;

/// x sigmoid(x) for x < kSiluTail; 0 where it is less than half of the smallest number.
NABLAFLOW_INLINED float silu_tail(float x) {
  const float at = clamped(x, -110.0F, 0.0F);
  return scaled(at, exp_parts(at));
}
/// Its derivative.
NABLAFLOW_INLINED float silu_slope_tail(float x) {
  const float at = clamped(x, -110.0F, 0.0F);
  return scaled(1.0F + at, exp_parts(at));
}

/// 2 / (e^x + e^-x)
NABLAFLOW_INLINED float sech(float x) {
  const float e = exp(-magnitude(x));
  return 2.0F * e / (1.0F + e * e);
}

/// An odd polynomial near 0, 1 - 2 / (e^2|x| + 1) elsewhere.
NABLAFLOW_INLINED float tanh(float x) {
  const float a = magnitude(x);
  const float z = x * x;
  float p = -0x1.767b12p-8F;
  p = p * z + 0x1.524c50p-6F;
  p = p * z - 0x1.b842c4p-5F;
  p = p * z + 0x1.11075ep-3F;
  p = p * z - 0x1.555534p-2F;
  const float small = a + a * (p * z);
  const float large = 1.0F - 2.0F / (exp_moderate(clamped(2.0F * a, 0.0F, 20.0F)) + 1.0F);
  return with_sign_of(a < 0.625F ? small : large, x);
}

}  // namespace nabla::cpu
