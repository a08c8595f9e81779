#pragma once

#include <bit>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/tensor.h"
#include "io/byte_stream.h"
#include "io/input.h"
#include "io/stored_type.h"

namespace nabla::io::npy {

// A file is "\x93NUMPY", two bytes of version, the length of the header (2 bytes in version 1.0, else 4), the
// header (a Python dictionary with 'descr', 'fortran_order' and 'shape') and the elements.

/// What the header says.
struct Header {
  StoredType type = StoredType::f32;
  std::endian order = std::endian::little;
  bool fortran_order = false;  ///< the first axis varies fastest
  Shape shape;
  std::size_t end = 0;  ///< the byte behind the header
};

/// The bytes that tell how long the header is, which is at most kMaxHeader.
inline constexpr std::size_t kPrefixSize = 12;
inline constexpr std::size_t kMaxHeader =
    65535;  // all that version 1.0 can say; types of one kind need no more

/// The byte behind the header, according to the prefix.
std::size_t header_end(const Input& input);
/// Reads everything before the elements.
Header parse_header(const Input& input);

/// The header of a file in C order, little-endian. Throws nabla::Error beginning with `function` for an
/// element type that is not supported.
std::string format_header(const std::string& function, DType dtype, const Shape& shape);

/// parse_npy, of a stream to its end, and encode_npy under the name of another function.
Tensor parse(std::string_view function, const std::string& name, ByteStream& stream);
std::vector<std::byte> encode(const std::string& function, const Tensor& tensor);

}  // namespace nabla::io::npy
