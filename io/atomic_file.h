#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace nabla::io {

/// Writes a file so that a reader sees either the old content or all of the new one, also after a crash:
/// the bytes go to a temporary name beside the target, are synced, and are renamed into place, and then the
/// directory is synced. Directories on the way are created; a link is followed. Throws nabla::Error and
/// leaves no temporary file behind, also where `path` is a directory, a pipe, a device or a link to nothing.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// As above, for text.
void write_file(const std::filesystem::path& path, std::string_view text);

/// Removes the temporary files that a killed write_file left beside `target`; those of a process that still
/// runs are kept. Does nothing where the directory is missing. Throws nabla::Error naming the file that
/// cannot be removed.
void remove_leftovers(const std::filesystem::path& target);

}  // namespace nabla::io
