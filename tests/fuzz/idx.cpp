#include "io/idx.h"

#include <bit>

#include "tests/fuzz/target.h"

using namespace nabla::io;

namespace {

void append_big_endian(std::vector<std::byte>& bytes, std::span<const std::byte> stored,
                       std::size_t item_size) {
  const auto begin = static_cast<std::ptrdiff_t>(bytes.size());
  bytes.insert(bytes.end(), stored.begin(), stored.end());
  convert_order(std::span(bytes.begin() + begin, bytes.end()), item_size, std::endian::big);
}

std::vector<std::byte> encode(const nabla::Tensor& tensor) {
  const int code = tensor.dtype() == nabla::DType::u8    ? 0x08
                   : tensor.dtype() == nabla::DType::i32 ? 0x0c
                   : tensor.dtype() == nabla::DType::f32 ? 0x0d
                                                         : 0x0e;
  std::vector<std::byte> bytes = {std::byte{0}, std::byte{0}, static_cast<std::byte>(code),
                                  static_cast<std::byte>(tensor.rank())};
  for (const std::int64_t extent : tensor.shape().extents()) {
    const auto stored = static_cast<std::uint32_t>(extent);
    append_big_endian(bytes, std::as_bytes(std::span(&stored, 1)), sizeof(stored));
  }
  append_big_endian(bytes, bytes_of(tensor), size_of(tensor.dtype()));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::try_input(
      data, size, [](std::span<const std::byte> bytes) { return parse_idx(bytes, fuzz::kName); },
      [](const nabla::Tensor& tensor) {
        fuzz::require_same(parse_idx(encode(tensor), fuzz::kName), tensor);
      });
}
