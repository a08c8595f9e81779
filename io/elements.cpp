#include "io/elements.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace nabla::io {
namespace {

// A multiple of every element's size, and small enough to stay in the cache until it is converted.
constexpr std::size_t kBlock = std::size_t{1} << 18;

/// The places, in row-major order, of elements that come with the first axis fastest.
class FirstAxisFastest {
 public:
  explicit FirstAxisFastest(const Shape& shape) : shape_(shape) {
    std::size_t stride = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      strides_[axis] = stride;
      stride *= static_cast<std::size_t>(shape[axis]);
    }
  }

  std::size_t next() {
    const std::size_t place = place_;
    for (int axis = 0; axis < shape_.rank(); ++axis) {
      const auto i = static_cast<std::size_t>(axis);
      place_ += strides_[i];
      if (++index_[i] < shape_[axis]) break;
      place_ -= strides_[i] * static_cast<std::size_t>(shape_[axis]);
      index_[i] = 0;
    }
    return place;
  }

 private:
  Shape shape_;
  std::array<std::size_t, kMaxRank> strides_{};
  std::array<std::int64_t, kMaxRank> index_{};
  std::size_t place_ = 0;
};

/// Why an element was not converted.
std::string refusal(StoredType type, const std::byte* element) {
  if (type == StoredType::boolean)
    return std::to_string(std::to_integer<int>(*element)) + " is no boolean, which is 0 or 1";
  std::uint64_t value = 0;
  std::copy_n(element, sizeof(value), reinterpret_cast<std::byte*>(&value));
  return std::to_string(value) + " is too large for an i64, which is what a u64 becomes";
}

}  // namespace

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

Tensor read_elements(ByteStream& stream, const Input& input, const Shape& shape, const StoredElements& stored,
                     const std::function<void(std::span<const std::byte>)>& on_block) {
  const std::size_t stored_size = size_of(stored.type), size = size_of(dtype_of(stored.type));
  // What an element takes in the tensor counts too: it may be more than in the file.
  if (!dense_bytes(shape, size))
    input.fail(stored.begin, "an array " + to_string(shape) + " has more bytes than can be counted");
  const std::uint64_t total = *dense_bytes(shape, stored_size);
  if (const std::uint64_t most = stream.at_most(); total > most) {
    input.fail(stored.begin + most, "an array " + to_string(shape) + " has " + std::to_string(total) +
                                        " bytes, at most " + std::to_string(most) + " follow");
  }

  Array array = Array::dense(shape, dtype_of(stored.type));
  const std::span<std::byte> elements = bytes_of(array);
  const bool scattered = stored.first_axis_fastest && shape.rank() > 1;
  FirstAxisFastest places(shape);
  std::vector<std::byte> block(std::min<std::uint64_t>(total, kBlock));
  std::vector<std::byte> converted(scattered ? block.size() / stored_size * size : 0);
  for (std::uint64_t at = 0; at < total;) {
    const std::span<std::byte> part =
        std::span(block).first(static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), total - at)));
    if (const std::size_t got = stream.read(part); got < part.size()) {
      input.fail(stored.begin + at + got, "the file ends inside an array " + to_string(shape) + " of " +
                                              std::to_string(total) + " bytes");
    }
    if (on_block) on_block(part);
    convert_order(part, stored_size, stored.order);
    const std::size_t count = part.size() / stored_size;
    std::byte* const to = scattered ? converted.data() : elements.data() + at / stored_size * size;
    if (const std::size_t done = convert(stored.type, part.data(), to, count); done < count) {
      input.fail(stored.begin + at + done * stored_size,
                 refusal(stored.type, part.data() + done * stored_size));
    }
    for (std::size_t i = 0; scattered && i < count; ++i) {
      std::copy_n(converted.data() + i * size, size, elements.data() + places.next() * size);
    }
    at += part.size();
  }
  return leaf(std::move(array));
}

void require_end(ByteStream& stream, const Input& input, std::uint64_t end) {
  std::byte more;
  if (stream.read(std::span(&more, 1)) > 0) input.fail(end, "more bytes follow the array");
}

}  // namespace nabla::io
