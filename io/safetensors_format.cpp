#include "io/safetensors_format.h"

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

std::string header_checksum(std::span<const std::byte> prefix_and_header, std::size_t digits) {
  static constexpr std::array<char, kChecksumDigits> kZeros = {'0', '0', '0', '0', '0', '0', '0', '0'};
  return Crc32()
      .add(prefix_and_header.first(digits))
      .add(std::as_bytes(std::span(kZeros)))
      .add(prefix_and_header.subspan(digits + kChecksumDigits))
      .digits();
}

}  // namespace nabla::io::safetensors
