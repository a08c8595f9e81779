#include "io/stored_type.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace nabla::io {
namespace {

template <class T>
T load(const std::byte* from, std::size_t i) {
  T value;
  std::memcpy(&value, from + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void store(std::byte* to, std::size_t i, T value) {
  std::memcpy(to + i * sizeof(T), &value, sizeof(T));
}

/// The bits of the f32 that equals a float of `exponent_bits` and `mantissa_bits`, with infinities and NaN
/// where the exponent is all ones, as IEEE 754 has it.
template <int exponent_bits, int mantissa_bits>
std::uint32_t widened(std::uint32_t bits) {
  constexpr std::uint32_t kExponents = (1u << exponent_bits) - 1;
  constexpr std::uint32_t kRebias = 127 - kExponents / 2;
  const std::uint32_t sign = bits >> (exponent_bits + mantissa_bits) << 31;
  std::uint32_t exponent = bits >> mantissa_bits & kExponents;
  std::uint32_t mantissa = (bits & ((1u << mantissa_bits) - 1)) << (23 - mantissa_bits);
  if (exponent == kExponents) return sign | 0xffu << 23 | mantissa;
  if (exponent == 0) {
    if (mantissa == 0) return sign;
    // An f32 has exponents enough to be normal where the small type is not.
    const int shift = std::countl_zero(mantissa) - 8;
    mantissa = mantissa << shift & 0x7fffff;
    exponent = 1 - static_cast<std::uint32_t>(shift);  // wraps, and back below
  }
  return sign | (exponent + kRebias) << 23 | mantissa;
}

std::uint32_t f32_of_f16(std::uint16_t bits) { return widened<5, 10>(bits); }
std::uint32_t f32_of_bf16(std::uint16_t bits) { return std::uint32_t{bits} << 16; }
std::uint32_t f32_of_e5m2(std::uint8_t bits) { return widened<5, 2>(bits); }

std::uint32_t f32_of_e4m3(std::uint8_t bits) {
  const std::uint32_t sign = std::uint32_t{bits} >> 7 << 31;
  if ((bits & 0x7f) == 0x7f) return sign | 0x7fc00000;
  // The largest exponent holds numbers: those of the one below, doubled.
  if ((bits & 0x78) == 0x78) return widened<4, 3>(bits - 8u) + (1u << 23);
  return widened<4, 3>(bits);
}

std::uint32_t f32_of_e8m0(std::uint8_t bits) {
  if (bits == 0xff) return 0x7fc00000;
  return bits == 0 ? 1u << 22 : std::uint32_t{bits} << 23;  // 2^-127 is a denormal f32
}

template <class T, auto function>
std::size_t convert_each(const std::byte* from, std::byte* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) store(to, i, function(load<T>(from, i)));
  return count;
}

template <class T>
std::int32_t widen(T value) {
  return value;
}

template <class T>
std::size_t copy(const std::byte* from, std::byte* to, std::size_t count) {
  std::memcpy(to, from, count * sizeof(T));
  return count;
}

std::size_t copy_fitting(const std::byte* from, std::byte* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = load<std::uint64_t>(from, i);
    if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return i;
    store(to, i, value);
  }
  return count;
}

std::size_t copy_booleans(const std::byte* from, std::byte* to, std::size_t count) {
  const std::byte* const bad = std::find_if(from, from + count, [](std::byte b) { return b > std::byte{1}; });
  return copy<std::byte>(from, to, static_cast<std::size_t>(bad - from));
}

struct Row {
  std::size_t size;
  DType dtype;
  std::size_t (*convert)(const std::byte*, std::byte*, std::size_t);
};

/// In the order of StoredType.
constexpr std::array<Row, 16> kRows = {{
    {8, DType::f64, copy<double>},
    {4, DType::f32, copy<float>},
    {2, DType::f32, convert_each<std::uint16_t, f32_of_f16>},
    {2, DType::f32, convert_each<std::uint16_t, f32_of_bf16>},
    {1, DType::f32, convert_each<std::uint8_t, f32_of_e5m2>},
    {1, DType::f32, convert_each<std::uint8_t, f32_of_e4m3>},
    {1, DType::f32, convert_each<std::uint8_t, f32_of_e8m0>},
    {8, DType::i64, copy<std::int64_t>},
    {4, DType::i32, copy<std::int32_t>},
    {2, DType::i32, convert_each<std::int16_t, widen<std::int16_t>>},
    {1, DType::i32, convert_each<std::int8_t, widen<std::int8_t>>},
    {8, DType::i64, copy_fitting},
    {4, DType::u32, copy<std::uint32_t>},
    {2, DType::i32, convert_each<std::uint16_t, widen<std::uint16_t>>},
    {1, DType::u8, copy<std::uint8_t>},
    {1, DType::boolean, copy_booleans},
}};

const Row& row(StoredType type) { return kRows[static_cast<std::size_t>(type)]; }

}  // namespace

std::size_t size_of(StoredType type) { return row(type).size; }

bool is_stored_as_held(StoredType type) {
  return type != StoredType::u64 && type != StoredType::boolean && size_of(type) == size_of(dtype_of(type));
}

DType dtype_of(StoredType type) { return row(type).dtype; }

std::size_t convert(StoredType type, const std::byte* from, std::byte* to, std::size_t count) {
  return row(type).convert(from, to, count);
}

}  // namespace nabla::io
