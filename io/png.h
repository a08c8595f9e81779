#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace nabla::io {

/// Encodes an 8-bit image as PNG. `pixels` holds height x width x channels bytes in row-major order; channels
/// is 1 (gray) or 3 (red, green, blue). Throws nabla::Error when the sizes do not fit together.
std::vector<std::uint8_t> encode_png(std::int64_t width, std::int64_t height, int channels,
                                     std::span<const std::uint8_t> pixels);

/// The same, written to a file that appears all at once or not at all.
void write_png(const std::filesystem::path& path, std::int64_t width, std::int64_t height, int channels,
               std::span<const std::uint8_t> pixels);

}  // namespace nabla::io
