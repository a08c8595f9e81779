#include "io/npy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "io/atomic_file.h"
#include "io/elements.h"
#include "io/file_bytes.h"
#include "io/npy_format.h"

namespace nabla::io {
namespace npy {
namespace {

/// Copies elements whose first axis varies fastest to row-major order.
void copy_from_fortran(std::span<const std::byte> from, std::span<std::byte> to, const Shape& shape,
                       std::size_t item_size) {
  const int rank = shape.rank();
  std::array<std::size_t, kMaxRank> strides{};
  std::size_t stride = item_size;
  for (int axis = 0; axis < rank; ++axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= static_cast<std::size_t>(shape[axis]);
  }
  std::array<std::int64_t, kMaxRank> index{};
  std::size_t source = 0;
  for (; !to.empty(); to = to.subspan(item_size)) {
    std::ranges::copy(from.subspan(source, item_size), to.begin());
    for (int axis = rank - 1; axis >= 0; --axis) {
      const auto i = static_cast<std::size_t>(axis);
      source += strides[i];
      if (++index[i] < shape[axis]) break;
      source -= strides[i] * static_cast<std::size_t>(shape[axis]);
      index[i] = 0;
    }
  }
}

}  // namespace

Tensor parse(const Input& input) {
  const Header header = parse_header(input);
  const std::size_t item_size = size_of(header.dtype);
  const auto size = dense_bytes(header.shape, item_size);
  if (!size)
    input.fail(header.end, "an array " + to_string(header.shape) + " has more bytes than can be counted");
  const std::span<const std::byte> stored = input.bytes.subspan(header.end);
  if (stored.size() < *size) {
    input.fail(input.size(), "an array " + to_string(header.shape) + " has " + std::to_string(*size) +
                                 " bytes, only " + std::to_string(stored.size()) + " follow the header");
  }
  if (stored.size() > *size) {
    input.fail(header.end + *size, std::to_string(stored.size() - *size) + " bytes follow the array");
  }
  if (header.dtype == DType::boolean) require_booleans(input, header.end, stored.size());

  Array array = Array::dense(header.shape, header.dtype);
  const std::span<std::byte> elements = bytes_of(array);
  if (header.fortran_order && header.shape.rank() > 1) {
    copy_from_fortran(stored, elements, header.shape, item_size);
  } else {
    std::ranges::copy(stored, elements.begin());
  }
  convert_order(elements, item_size, header.order);
  return leaf(std::move(array));
}

std::vector<std::byte> encode(const std::string& function, const Tensor& tensor) {
  if (!tensor) throw Error(function + ": the tensor is an empty handle");
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
  return npy::parse(Input{"read_npy", name, bytes});
}

Tensor read_npy(const std::filesystem::path& path) { return parse_npy(read_bytes(path), path.string()); }

std::vector<std::byte> encode_npy(const Tensor& tensor) { return npy::encode("write_npy", tensor); }

void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  write_file(path, encode_npy(tensor));
}

}  // namespace nabla::io
