#pragma once

#include <bit>
#include <cfloat>
#include <cstdint>

#include "engine/backend/target.h"

// What the f32 functions share. They are written for loops that compilers turn into vector code at every
// level of the instruction set: no branches, no tables, no calls, no fused multiply-add, only operations that
// even SSE2 has. So every level gives the same bits.

// They rely on every operation being rounded as it is written.
#ifdef __FAST_MATH__
#error \
    "Nablaflow is compiled with -ffast-math, which breaks exp, sin and others: compile it with -fno-fast-math"
#endif
static_assert(
    FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 16,
    "Nablaflow needs f32 and f64 arithmetic of their own width (on 32-bit x86: -msse2 -mfpmath=sse)");

namespace nabla::cpu {

NABLAFLOW_INLINED std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
NABLAFLOW_INLINED std::uint64_t bits_of(double x) { return std::bit_cast<std::uint64_t>(x); }
NABLAFLOW_INLINED float f32_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
NABLAFLOW_INLINED double f64_of(std::uint64_t bits) { return std::bit_cast<double>(bits); }

inline constexpr std::uint32_t kSignF32 = 0x80000000U;
inline constexpr std::uint64_t kSignF64 = 0x8000000000000000U;
inline constexpr std::uint32_t kSqrtHalfF32 = 0x3f3504f3U;
inline constexpr std::uint64_t kSqrtHalfF64 = 0x3fe6a09e667f3bcdU;

NABLAFLOW_INLINED float magnitude(float x) { return f32_of(bits_of(x) & ~kSignF32); }
NABLAFLOW_INLINED float with_sign_of(float magnitude, float sign) {
  return f32_of((bits_of(magnitude) & ~kSignF32) | (bits_of(sign) & kSignF32));
}

/// All bits of a word where the condition holds. Selecting with it, where a conditional expression would do,
/// keeps compilers from turning conditions that imply each other into jumps.
NABLAFLOW_INLINED std::uint32_t mask_of(bool condition) { return 0U - static_cast<std::uint32_t>(condition); }

/// x in [low, high]; NaN stays NaN.
template <class T>
NABLAFLOW_INLINED T clamped(T x, T low, T high) {
  const T above = x < low ? low : x;
  return above > high ? high : above;
}

/// Adding it and taking it away again rounds to the nearest integer, ties to even (|x| < 2^22, 2^51); the low
/// bits of the sum are that integer.
inline constexpr float kRoundF32 = 12582912.0F;          // 1.5 * 2^23
inline constexpr double kRoundF64 = 6755399441055744.0;  // 1.5 * 2^52

/// 2^n for n in [-126, 127] from the bits of n + kRoundF32; whatever else comes in, some number comes out.
NABLAFLOW_INLINED float power_of_two(std::uint32_t rounded) { return f32_of((rounded + 127U) << 23); }

}  // namespace nabla::cpu
