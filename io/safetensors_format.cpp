#include "io/safetensors_format.h"

#include <algorithm>
#include <array>

namespace nabla::io::safetensors {
namespace {

struct Type {
  StoredType stored;
  std::string_view name;
};
constexpr std::array<Type, 16> kTypes = {{
    {StoredType::f64, "F64"},
    {StoredType::f32, "F32"},
    {StoredType::f16, "F16"},
    {StoredType::bf16, "BF16"},
    {StoredType::f8_e5m2, "F8_E5M2"},
    {StoredType::f8_e4m3, "F8_E4M3"},
    {StoredType::f8_e8m0, "F8_E8M0"},
    {StoredType::i64, "I64"},
    {StoredType::i32, "I32"},
    {StoredType::i16, "I16"},
    {StoredType::i8, "I8"},
    {StoredType::u64, "U64"},
    {StoredType::u32, "U32"},
    {StoredType::u16, "U16"},
    {StoredType::u8, "U8"},
    {StoredType::boolean, "BOOL"},
}};

}  // namespace

std::string_view type_name(StoredType type) { return std::ranges::find(kTypes, type, &Type::stored)->name; }

std::string_view type_name(DType dtype) {
  for (const Type& type : kTypes) {
    if (dtype_of(type.stored) == dtype && size_of(type.stored) == size_of(dtype) &&
        type.stored != StoredType::u64) {
      return type.name;
    }
  }
  return {};
}

std::optional<StoredType> type_named(std::string_view name) {
  const auto type = std::ranges::find(kTypes, name, &Type::name);
  if (type == kTypes.end()) return std::nullopt;
  return type->stored;
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
