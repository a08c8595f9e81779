#include "io/idx.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "io/elements.h"
#include "io/text_file.h"

namespace nabla::io {
namespace {

// A file is two bytes 0, one byte for the type, one for the number of axes, the extents (4 bytes each) and
// the elements, all big-endian.
constexpr std::size_t kTypeAt = 2;
constexpr std::size_t kRankAt = 3;
constexpr std::size_t kExtentsAt = 4;

struct Type {
  std::uint8_t code;
  std::size_t item_size;  ///< in the file
  DType dtype;            ///< in the tensor
};
constexpr std::array<Type, 6> kTypes = {{
    {0x08, 1, DType::u8},
    {0x09, 1, DType::i32},
    {0x0b, 2, DType::i32},
    {0x0c, 4, DType::i32},
    {0x0d, 4, DType::f32},
    {0x0e, 8, DType::f64},
}};

Type parse_type(const Input& input) {
  const std::string_view what = "the magic number";
  const auto zeros = input.load<std::uint16_t>(0, std::endian::big, what);
  if (zeros != 0) input.fail(0, "an IDX file begins with two bytes 0");
  const auto code = input.load<std::uint8_t>(kTypeAt, std::endian::big, what);
  const auto type = std::ranges::find(kTypes, code, &Type::code);
  if (type == kTypes.end()) {
    input.fail(kTypeAt, "the type " + std::to_string(code) +
                            " is not supported (8, 9, 11, 12, 13 and 14 are: u8, i8, i16, i32, f32, f64)");
  }
  return *type;
}

Shape parse_shape(const Input& input) {
  const int rank = input.load<std::uint8_t>(kRankAt, std::endian::big, "the magic number");
  if (rank < 1 || rank > kMaxRank) {
    input.fail(kRankAt, std::to_string(rank) + " axes are not between 1 and " + std::to_string(kMaxRank));
  }
  Shape shape;
  for (int axis = 0; axis < rank; ++axis) {
    const std::size_t at = kExtentsAt + sizeof(std::uint32_t) * static_cast<std::size_t>(axis);
    shape.push_back(input.load<std::uint32_t>(at, std::endian::big, "the extents"));
  }
  return shape;
}

/// Copies elements of type T to wider ones.
template <class T>
void widen(const Input& input, std::size_t begin, std::span<std::int32_t> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = input.load<T>(begin + i * sizeof(T), std::endian::big, "the elements");
  }
}

}  // namespace

Tensor parse_idx(std::span<const std::byte> bytes, const std::string& name) {
  const Input input{"read_idx", name, bytes};
  const Type type = parse_type(input);
  const Shape shape = parse_shape(input);
  const std::size_t begin = kExtentsAt + sizeof(std::uint32_t) * static_cast<std::size_t>(shape.rank());
  // Counted with the elements of the tensor, which may be wider than those of the file.
  const auto tensor_bytes = dense_bytes(shape, size_of(type.dtype));
  if (!tensor_bytes)
    input.fail(kExtentsAt, "an array " + to_string(shape) + " has more bytes than can be counted");
  const std::uint64_t size = *tensor_bytes / size_of(type.dtype) * type.item_size;
  const std::uint64_t stored = input.size() - begin;
  if (stored < size) {
    input.fail(input.size(), "an array " + to_string(shape) + " has " + std::to_string(size) +
                                 " bytes, only " + std::to_string(stored) + " follow the extents");
  }
  if (stored > size) input.fail(begin + size, std::to_string(stored - size) + " bytes follow the array");

  Array array = Array::dense(shape, type.dtype);
  const std::span<std::int32_t> widened(array.data<std::int32_t>(),
                                        type.dtype == DType::i32 ? shape.size() : 0);
  if (type.dtype == DType::i32 && type.item_size == 1) {
    widen<std::int8_t>(input, begin, widened);
  } else if (type.dtype == DType::i32 && type.item_size == 2) {
    widen<std::int16_t>(input, begin, widened);
  } else {
    const std::span<std::byte> elements = bytes_of(array);
    std::ranges::copy(input.bytes.subspan(begin), elements.begin());
    convert_order(elements, type.item_size, std::endian::big);
  }
  return leaf(std::move(array));
}

Tensor read_idx(const std::filesystem::path& path) {
  const std::string content = read_text(path);
  return parse_idx(std::as_bytes(std::span(content)), path.string());
}

}  // namespace nabla::io
