#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/named_tensor.h"

namespace nabla::io {

/// The content of a safetensors file: tensors with names of their own, and free text about them. Element
/// types that tensors lack are converted on reading, without rounding: F16, BF16, F8_E5M2, F8_E4M3 and
/// F8_E8M0 to f32, I16, I8 and U16 to i32, U64 to i64. Read tensors come in the order of their bytes in the
/// file.
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
/// JSON, an unknown type or key, more than kMaxRank axes or 100,000 tensors, sizes that do not fit each other
/// or the file, tensors with gaps or overlaps, a wrong checksum, a boolean that is neither 0 nor 1, a U64
/// that no i64 holds.
Safetensors read_safetensors(const std::filesystem::path& path, Checksums checksums = Checksums::if_present);

/// The same for bytes at hand; `name` stands for the file in error messages.
Safetensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name,
                              Checksums checksums = Checksums::if_present);

/// A safetensors file of which tensors are read, or mapped, one at a time: nothing but the header and what is
/// asked for is read. The file must stay as it is meanwhile.
class SafetensorsFile {
 public:
  /// Reads the header. @throws Error as read_safetensors does, and for what is no file.
  explicit SafetensorsFile(const std::filesystem::path& path, Checksums checksums = Checksums::if_present);
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;
  ~SafetensorsFile();

  const std::map<std::string, std::string>& metadata() const;
  /// The tensors' names in the order of their bytes.
  std::vector<std::string> names() const;
  /// Reads one tensor and verifies its checksum. @throws Error if there is none of this name, and as
  /// read_safetensors does.
  Tensor read(std::string_view name);
  /// The same tensor in the memory that the file is mapped to: a byte is read when it is first touched, and
  /// what is read the system can drop and read again. Its checksum is not verified, for that would touch all;
  /// verify() does. What is written over the tensor (a cell that a compiled function assigns) takes memory of
  /// its own and does not reach the file. While the tensor lives the file must keep its length, or the
  /// process ends by SIGBUS, and its content, or elements change; write_safetensors to its path does neither,
  /// for it puts another file there. Elements that must be converted, are booleans, or do not lie at a
  /// multiple of their size (as ours and most files' do) are read, and so are all where the system maps no
  /// such file.
  /// @throws Error as read() does, and if the file's length has changed.
  Tensor map(std::string_view name);
  /// Reads one tensor's bytes, a block at a time and keeping none, and compares their checksum, if the file
  /// has any. @throws Error if it does not match, and as read() does.
  void verify(std::string_view name);

 private:
  struct Content;
  std::size_t index_of(std::string_view name) const;
  std::unique_ptr<Content> content_;
};

}  // namespace nabla::io
