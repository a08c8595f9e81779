#include "io/npy.h"

#include <algorithm>
#include <string_view>

#include "io/atomic_file.h"
#include "io/elements.h"
#include "io/npy_format.h"
#include "io/out_of_memory.h"

namespace nabla::io {
namespace npy {
namespace {

Tensor parse_stream(std::string_view function, const std::string& name, ByteStream& stream) {
  std::vector<std::byte> head;
  const auto input = [&] { return Input{function, name, head}; };
  stream.append(head, kPrefixSize);
  if (const std::size_t end = header_end(input()); end > head.size()) stream.append(head, end - head.size());
  const Header header = parse_header(input());
  const StoredElements stored{header.type, header.order, header.fortran_order, header.end};
  Tensor tensor = read_elements(stream, input(), header.shape, stored);
  require_end(stream, input(), header.end + *dense_bytes(header.shape, size_of(header.type)));
  return tensor;
}

}  // namespace

Tensor parse(std::string_view function, const std::string& name, ByteStream& stream) {
  return telling_shortage(function, name, [&] { return parse_stream(function, name, stream); });
}

std::vector<std::byte> encode(const std::string& function, const Tensor& tensor) {
  if (!tensor.defined()) throw Error(function + ": the tensor is an empty handle");
  const std::string header = format_header(function, tensor.dtype(), tensor.shape());
  const std::span<const std::byte> elements = bytes_of(tensor);
  std::vector<std::byte> bytes(header.size() + elements.size());
  std::ranges::copy(std::as_bytes(std::span(header)), bytes.begin());
  const std::span<std::byte> stored = std::span(bytes).subspan(header.size());
  std::ranges::copy(elements, stored.begin());
  convert_order(stored, size_of(tensor.dtype()), std::endian::little);
  return bytes;
}

}  // namespace npy

Tensor parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  MemoryStream stream(bytes);
  return npy::parse("read_npy", name, stream);
}

Tensor read_npy(const std::filesystem::path& path) {
  FileStream stream("read_npy", path);
  return npy::parse("read_npy", path.string(), stream);
}

std::vector<std::byte> encode_npy(const Tensor& tensor) {
  return telling_shortage("write_npy", "the tensor", [&] { return npy::encode("write_npy", tensor); });
}

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  write_file(path, encode_npy(tensor));
}

}  // namespace nabla::io
