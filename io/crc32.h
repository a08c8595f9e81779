#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace nabla::io {

/// CRC-32 (of zlib and gzip) of bytes that are given part by part.
class Crc32 {
 public:
  static constexpr std::size_t kDigits = 8;

  /// Takes in the next bytes.
  Crc32& add(std::span<const std::byte> bytes);
  /// Writes the checksum of all bytes so far in 8 hexadecimal digits.
  std::string digits() const;

 private:
  std::uint32_t value_ = 0;
};

}  // namespace nabla::io
