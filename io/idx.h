#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "engine/tensor/tensor.h"

namespace nabla::io {

/// Reads an IDX file, the format of the MNIST images and labels, plain or gzip. Elements of type u8, i32, f32
/// and f64 keep their type; i8 and i16 become i32. Throws nabla::Error naming the file, the byte and what is
/// wrong there: a bad magic number, another type, no axis or more than kMaxRank, a file that is shorter or
/// longer than it says.
Tensor read_idx(const std::filesystem::path& path);

/// The same for unpacked bytes at hand; `name` stands for the file in error messages.
Tensor parse_idx(std::span<const std::byte> bytes, const std::string& name);

}  // namespace nabla::io
