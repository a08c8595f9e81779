#include "io/safetensors_format.h"

#include <zlib.h>

#include <array>
#include <utility>

namespace nabla::io::safetensors {
namespace {

constexpr std::array<std::pair<DType, std::string_view>, 7> kTypes = {{
    {DType::f32, "F32"},
    {DType::f64, "F64"},
    {DType::i32, "I32"},
    {DType::i64, "I64"},
    {DType::u8, "U8"},
    {DType::u32, "U32"},
    {DType::boolean, "BOOL"},
}};

uLong extend(uLong crc, std::span<const std::byte> bytes) {
  // zlib takes a null pointer for a request of the initial value.
  if (bytes.empty()) return crc;
  return crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

std::string digits_of(uLong crc) {
  std::string digits(kChecksumDigits, '0');
  for (std::size_t i = kChecksumDigits; i-- > 0; crc >>= 4) digits[i] = "0123456789abcdef"[crc & 15];
  return digits;
}

}  // namespace

std::string_view type_name(DType dtype) {
  for (const auto& [type, name] : kTypes) {
    if (type == dtype) return name;
  }
  return {};
}

std::optional<DType> type_named(std::string_view name) {
  for (const auto& [type, its_name] : kTypes) {
    if (its_name == name) return type;
  }
  return std::nullopt;
}

std::string checksum(std::span<const std::byte> bytes) { return digits_of(extend(0, bytes)); }

std::string header_checksum(std::span<const std::byte> prefix_and_header, std::size_t digits) {
  static constexpr std::array<char, kChecksumDigits> kZeros = {'0', '0', '0', '0', '0', '0', '0', '0'};
  uLong crc = extend(0, prefix_and_header.first(digits));
  crc = extend(crc, std::as_bytes(std::span(kZeros)));
  return digits_of(extend(crc, prefix_and_header.subspan(digits + kChecksumDigits)));
}

}  // namespace nabla::io::safetensors
