#include "io/stored_type.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace nabla::io {
namespace {

/// What a float of sign, exponent and mantissa is worth by the definition of such floats, without infinities.
double value_of(unsigned bits, int exponent_bits, int mantissa_bits) {
  const double sign = bits >> (exponent_bits + mantissa_bits) & 1 ? -1 : 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits & ((1u << exponent_bits) - 1));
  const double fraction = std::ldexp(bits & ((1u << mantissa_bits) - 1), -mantissa_bits);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  return sign * (exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias));
}

template <class T>
float converted(StoredType type, T bits) {
  float value = 0;
  REQUIRE(convert(type, reinterpret_cast<const std::byte*>(&bits), reinterpret_cast<std::byte*>(&value), 1) ==
          1);
  return value;
}

void check_same(float got, double expected) {
  const bool same =
      std::isnan(expected) ? std::isnan(got) : got == expected && std::signbit(got) == std::signbit(expected);
  if (!same) CHECK(got == expected);
}

}  // namespace

TEST_CASE("every f16, bf16 and f8 becomes the f32 of the same value") {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  for (unsigned bits = 0; bits < 1u << 16; ++bits) {
    CAPTURE(bits);
    const double sign = bits >> 15 ? -1 : 1;
    const bool special = (bits & 0x7c00) == 0x7c00, special_bf16 = (bits & 0x7f80) == 0x7f80;
    check_same(converted(StoredType::f16, static_cast<std::uint16_t>(bits)), !special ? value_of(bits, 5, 10)
                                                                             : bits & 0x3ff
                                                                                 ? nan
                                                                                 : sign * infinity);
    check_same(converted(StoredType::bf16, static_cast<std::uint16_t>(bits)),
               !special_bf16 ? value_of(bits, 8, 7)
               : bits & 0x7f ? nan
                             : sign * infinity);
  }
  for (unsigned bits = 0; bits < 1u << 8; ++bits) {
    CAPTURE(bits);
    const auto byte = static_cast<std::uint8_t>(bits);
    const double sign = bits >> 7 ? -1 : 1;
    check_same(converted(StoredType::f8_e5m2, byte), (bits & 0x7c) != 0x7c ? value_of(bits, 5, 2)
                                                     : bits & 3            ? nan
                                                                           : sign * infinity);
    check_same(converted(StoredType::f8_e4m3, byte), (bits & 0x7f) == 0x7f ? nan : value_of(bits, 4, 3));
    check_same(converted(StoredType::f8_e8m0, byte),
               bits == 255 ? nan : std::ldexp(1, static_cast<int>(bits) - 127));
  }
}

}  // namespace nabla::io
