#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/named_tensor.h"

namespace nabla::io {

/// Reads a .npz file of NumPy: a zip archive of .npy files, stored or deflated, whose names without ".npy"
/// become those of the tensors. They come in the order of the archive. Throws nabla::Error naming the file
/// and the entry: an archive that is cut or damaged (every entry's checksum is verified), an entry that is
/// encrypted, comes twice or is no .npy file; for errors inside an entry also the byte in it, as read_npy
/// does.
std::vector<NamedTensor> read_npz(const std::filesystem::path& path);

/// The same for bytes at hand; `name` stands for the file in error messages.
std::vector<NamedTensor> parse_npz(std::span<const std::byte> bytes, const std::string& name);

/// The bytes of a .npz file with deflated entries in the order given. The same tensors give the same bytes:
/// entries carry no time. Computes the tensors if need be. Throws nabla::Error, naming the tensor, where
/// encode_npy would, and on a name that is empty, given twice or no UTF-8.
std::vector<std::byte> encode_npz(std::span<const NamedTensor> tensors);

/// The same, written to a file that appears all at once or not at all.
void write_npz(const std::filesystem::path& path, std::span<const NamedTensor> tensors);

}  // namespace nabla::io
