#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/named_tensor.h"

namespace nabla::io {

/// The content of a safetensors file: tensors with names of their own, and free text about them. Element
/// types are F32, F64, I32, I64, U8, U32 and BOOL. Read tensors come in the order of their bytes in the file.
struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::vector<NamedTensor> tensors;
};

/// Checksums lie in the metadata under "crc32": one for the header and one per tensor, so that a single
/// altered bit anywhere in the file is found.
enum class Checksums {
  if_present,  ///< verified where the file has them; files of other programs have none
  required,    ///< a file without them is refused
};

/// The bytes of a safetensors file with checksums. Larger elements come first, then names in order, so that
/// every tensor is aligned and the same content gives the same bytes. Computes the tensors if need be. Throws
/// nabla::Error, naming the tensor, on an empty handle, an element type that the format lacks, a name that is
/// given twice, reserved ("__metadata__") or no UTF-8; and on metadata with the key "crc32".
std::vector<std::byte> encode_safetensors(const Safetensors& content);

/// The same, written to a file that appears all at once or not at all.
void write_safetensors(const std::filesystem::path& path, const Safetensors& content);

/// Reads a safetensors file of any program, or only one with checksums. The checksums are taken out of the
/// metadata. Throws nabla::Error naming the file, the byte and what is wrong there: a header that is not
/// JSON, an unknown type or key, more than kMaxRank axes, sizes that do not fit each other or the file,
/// tensors with gaps or overlaps, a wrong checksum, a boolean that is neither 0 nor 1.
Safetensors read_safetensors(const std::filesystem::path& path, Checksums checksums = Checksums::if_present);

/// The same for bytes at hand; `name` stands for the file in error messages.
Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name,
                              Checksums checksums = Checksums::if_present);

}  // namespace nabla::io
