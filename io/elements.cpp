#include "io/elements.h"

#include <algorithm>
#include <string>

namespace nabla::io {

std::optional<std::uint64_t> dense_bytes(const Shape& shape, std::size_t item_size) {
  auto bytes = static_cast<std::int64_t>(item_size);
  bool empty = false;
  for (const std::int64_t extent : shape.extents()) {
    empty = empty || extent == 0;
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(extent, 1), &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  const Array& array = tensor.value();
  const std::size_t item_size = size_of(tensor.dtype());
  return {array.buffer->data() + static_cast<std::size_t>(array.layout.offset) * item_size,
          static_cast<std::size_t>(tensor.size()) * item_size};
}

std::span<std::byte> bytes_of(Array& array) { return {array.buffer->data(), array.buffer->bytes()}; }

void convert_order(std::span<std::byte> elements, std::size_t item_size, std::endian order) {
  if (order == std::endian::native || item_size == 1) return;
  for (; elements.size() >= item_size; elements = elements.subspan(item_size)) {
    std::reverse(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(item_size));
  }
}

void require_booleans(const Input& input, std::size_t begin, std::size_t count) {
  const std::span<const std::byte> values = input.bytes.subspan(begin, count);
  const auto bad = std::find_if(values.begin(), values.end(), [](std::byte b) { return b > std::byte{1}; });
  if (bad == values.end()) return;
  input.fail(begin + static_cast<std::size_t>(bad - values.begin()),
             std::to_string(std::to_integer<int>(*bad)) + " is no boolean, which is 0 or 1");
}

}  // namespace nabla::io
