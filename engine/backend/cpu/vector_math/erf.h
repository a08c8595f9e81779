#pragma once

#include "engine/backend/cpu/vector_math/exp.h"

namespace nabla::cpu {

/// An odd polynomial near 0, 1 - e^q(|x|) elsewhere, where q is a polynomial close to log(erfc).
NABLAFLOW_INLINED float erf(float x) {
  const float z = x * x;
  const float a = magnitude(x);
  float p = -0x1.3989dap-11F;
  p = p * z + 0x1.4723fcp-8F;
  p = p * z - 0x1.b689b8p-6F;
  p = p * z + 0x1.ce1a88p-4F;
  p = p * z - 0x1.8126e8p-2F;
  p = p * z + 0x1.06eba6p-3F;
  const float small = a + a * p;
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

}  // namespace nabla::cpu
