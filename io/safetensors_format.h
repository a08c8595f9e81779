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
#include "io/crc32.h"
#include "io/input.h"

namespace nabla::io::safetensors {

// What the writer and the reader of safetensors share. A file is the length of the header (8 bytes,
// little-endian), the header (JSON), and the elements of the tensors without gaps.

inline constexpr std::size_t kPrefixSize = 8;
/// The limit that the format's own library sets.
inline constexpr std::uint64_t kMaxHeaderSize = 100'000'000;

inline constexpr std::string_view kMetadataKey = "__metadata__";
inline constexpr std::string_view kChecksumKey = "crc32";
inline constexpr std::size_t kChecksumDigits = Crc32::kDigits;

/// The format's name of an element type; empty for a type that it lacks.
std::string_view type_name(DType dtype);
/// The inverse; nothing for a type that tensors lack.
std::optional<DType> type_named(std::string_view name);

/// The checksum of prefix and header, taken as if '0' stood in its own digits, which begin at byte `digits`.
std::string header_checksum(std::span<const std::byte> prefix_and_header, std::size_t digits);

/// One tensor as the header describes it.
struct Entry {
  std::string name;
  DType dtype = DType::f32;
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

/// Reads prefix and header. What it says is not yet compared with the rest of the file.
Header parse_header(const Input& input);

}  // namespace nabla::io::safetensors
