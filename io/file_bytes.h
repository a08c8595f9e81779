#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

namespace nabla::io {

/// The whole content of a file as it is, compressed or not. Throws nabla::Error naming the file and the
/// reason when it is missing, unreadable, or a directory.
std::vector<std::byte> read_bytes(const std::filesystem::path& path);

}  // namespace nabla::io
