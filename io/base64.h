#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nabla::io {

/// Base64 of RFC 4648 with padding and without line breaks, as a data: URL wants it.
std::string base64_encode(std::span<const std::uint8_t> bytes);

/// The inverse. Throws nabla::Error, naming the position, on anything but canonical base64.
std::vector<std::uint8_t> base64_decode(std::string_view text);

}  // namespace nabla::io
