#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace nabla::cuda::emulator {

/// More bits of a mantissa than any type has.
inline constexpr int kAllBits = 64;

/// To the nearest number with so many bits of mantissa, ties to even; f64 and kAllBits as they are.
inline double rounded(double x, int) { return x; }
inline float rounded(float x, int bits) {
  if (bits >= 23 || !std::isfinite(x)) return x;
  const int dropped = 23 - bits;
  const std::uint32_t word = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t is_odd = word >> dropped & 1U;
  const std::uint32_t half = (1U << (dropped - 1)) - 1U + is_odd;
  return std::bit_cast<float>((word + half) >> dropped << dropped);
}

}  // namespace nabla::cuda::emulator
