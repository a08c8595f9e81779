#include "io/idx.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "io/elements.h"
#include "io/gzip_stream.h"
#include "io/out_of_memory.h"

namespace nabla::io {
namespace {

// A file is two bytes 0, one byte for the type, one for the number of axes, the extents (4 bytes each) and
// the elements, all big-endian.
constexpr std::string_view kReadIdx = "read_idx";
constexpr std::size_t kTypeAt = 2;
constexpr std::size_t kRankAt = 3;
constexpr std::size_t kExtentsAt = 4;

struct Type {
  std::uint8_t code;
  StoredType stored;
};
constexpr std::array<Type, 6> kTypes = {{
    {0x08, StoredType::u8},
    {0x09, StoredType::i8},
    {0x0b, StoredType::i16},
    {0x0c, StoredType::i32},
    {0x0d, StoredType::f32},
    {0x0e, StoredType::f64},
}};

StoredType parse_type(const Input& input) {
  const std::string_view what = "the magic number";
  const auto zeros = input.load<std::uint16_t>(0, std::endian::big, what);
  if (zeros != 0) input.fail(0, "an IDX file begins with two bytes 0");
  const auto code = input.load<std::uint8_t>(kTypeAt, std::endian::big, what);
  const auto type = std::ranges::find(kTypes, code, &Type::code);
  if (type == kTypes.end()) {
    input.fail(kTypeAt, "the type " + std::to_string(code) +
                            " is not supported (8, 9, 11, 12, 13 and 14 are: u8, i8, i16, i32, f32, f64)");
  }
  return type->stored;
}

int parse_rank(const Input& input) {
  const int rank = input.load<std::uint8_t>(kRankAt, std::endian::big, "the magic number");
  if (rank < 1 || rank > kMaxRank) {
    input.fail(kRankAt, std::to_string(rank) + " axes are not between 1 and " + std::to_string(kMaxRank));
  }
  return rank;
}

Shape parse_shape(const Input& input, int rank) {
  Shape shape;
  for (int axis = 0; axis < rank; ++axis) {
    const std::size_t at = kExtentsAt + sizeof(std::uint32_t) * static_cast<std::size_t>(axis);
    shape.push_back(input.load<std::uint32_t>(at, std::endian::big, "the extents"));
  }
  return shape;
}

Tensor read(const std::string& name, ByteStream& stream) {
  std::vector<std::byte> head;
  const auto input = [&] { return Input{kReadIdx, name, head}; };
  stream.append(head, kExtentsAt);
  const StoredType type = parse_type(input());
  const int rank = parse_rank(input());
  stream.append(head, sizeof(std::uint32_t) * static_cast<std::size_t>(rank));
  const Shape shape = parse_shape(input(), rank);
  const std::uint64_t begin = head.size();
  Tensor tensor = read_elements(stream, input(), shape, {type, std::endian::big, false, begin});
  require_end(stream, input(), begin + *dense_bytes(shape, size_of(type)));
  return tensor;
}

}  // namespace

Tensor parse_idx(std::span<const std::byte> bytes, const std::string& name) {
  MemoryStream stream(bytes);
  return telling_shortage(kReadIdx, name, [&] { return read(name, stream); });
}

Tensor read_idx(const std::filesystem::path& path) {
  GzipStream stream(kReadIdx, path);
  return telling_shortage(kReadIdx, path.string(), [&] { return read(path.string(), stream); });
}

}  // namespace nabla::io
