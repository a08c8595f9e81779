#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::io {

/// Reads one array of NumPy: format versions 1.0 to 3.0, C or Fortran order, either byte order, element types
/// f4, f8, i4, i8, u1, u4 and b1. The tensor is row-major whatever the file was. Throws nabla::Error naming
/// the file, the byte and what is wrong there: another type, more than kMaxRank axes, a header that is
/// damaged, a file that is shorter or longer than the header says, a boolean that is neither 0 nor 1.
Tensor read_npy(const std::filesystem::path& path);

/// The same for bytes at hand; `name` stands for the file in error messages.
Tensor parse_npy(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of a .npy file, version 1.0, C order, little-endian. Computes the tensor if need be.
/// Throws nabla::Error on an empty handle or an element type other than those above.
std::vector<std::byte> encode_npy(const Tensor& tensor);

/// The same, written to a file that appears all at once or not at all.
void write_npy(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace nabla::io
