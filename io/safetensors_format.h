#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/dtype.h"
#include "engine/tensor/shape.h"
#include "io/byte_stream.h"
#include "io/crc32.h"
#include "io/input.h"
#include "io/stored_type.h"

namespace nabla::io::safetensors {

// What the writer and the reader of safetensors share. A file is the length of the header (8 bytes,
// little-endian), the header (JSON), and the elements of the tensors without gaps.

/// The function that error messages name.
inline constexpr std::string_view kReader = "read_safetensors";
inline constexpr std::size_t kPrefixSize = 8;
/// The limit that the format's own library sets.
inline constexpr std::uint64_t kMaxHeaderSize = 100'000'000;
/// Ours: a header of that size could describe millions of tensors without a byte of data.
inline constexpr std::size_t kMaxTensors = 100'000;

inline constexpr std::string_view kMetadataKey = "__metadata__";
inline constexpr std::string_view kChecksumKey = "crc32";
inline constexpr std::size_t kChecksumDigits = Crc32::kDigits;

/// What element types are supported, for error messages.
inline constexpr std::string_view kSupported =
    "F64, F32, F16, BF16, F8_E5M2, F8_E4M3, F8_E8M0, I64, I32, I16, I8, U64, U32, U16, U8 and BOOL are";

/// The format's name of an element type.
std::string_view type_name(StoredType type);
/// The name under which the elements of a tensor are stored; empty for a type that the format lacks.
std::string_view type_name(DType dtype);
/// The type of this name; nothing for one that tensors lack.
std::optional<StoredType> type_named(std::string_view name);

/// The checksum of prefix and header, taken as if '0' stood in its own digits, which begin at byte `digits`.
std::string header_checksum(std::span<const std::byte> prefix_and_header, std::size_t digits);

/// One tensor as the header describes it.
struct Entry {
  std::string name;
  StoredType type = StoredType::f32;
  Shape shape;
  std::uint64_t begin = 0;  ///< bytes, counted from the end of the header
  std::uint64_t end = 0;
  std::size_t place = 0;  ///< the byte in the file where the description begins, for error messages
};

struct Header {
  std::map<std::string, std::string> metadata;  ///< without the checksums
  std::vector<Entry> entries;                   ///< in the order of the header
  std::optional<std::string> checksums;
  std::size_t checksums_place = 0;  ///< the byte in the file where the checksums begin
  std::size_t end = 0;              ///< the byte in the file behind the header
};

/// Reads prefix and header from the front of a stream; `head` receives their bytes. What it says is not yet
/// compared with the rest of the file.
Header read_header(ByteStream& stream, const std::string& name, std::vector<std::byte>& head);

}  // namespace nabla::io::safetensors
