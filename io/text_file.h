#pragma once

#include <filesystem>
#include <string>

namespace nabla::io {

/// The whole content of a file, unpacked when it is gzip. Throws nabla::Error naming the file when it is
/// missing, unreadable, or a gzip that is damaged or cut short.
std::string read_text(const std::filesystem::path& path);

}  // namespace nabla::io
