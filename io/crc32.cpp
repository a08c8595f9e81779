#include "io/crc32.h"

#include <zlib.h>

namespace nabla::io {

Crc32& Crc32::add(std::span<const std::byte> bytes) {
  // zlib takes a null pointer for a request of the initial value.
  if (bytes.empty()) return *this;
  value_ =
      static_cast<std::uint32_t>(crc32_z(value_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  return *this;
}

std::string Crc32::digits() const {
  std::string digits(kDigits, '0');
  std::uint32_t rest = value_;
  for (std::size_t i = kDigits; i-- > 0; rest >>= 4) digits[i] = "0123456789abcdef"[rest & 15];
  return digits;
}

}  // namespace nabla::io
