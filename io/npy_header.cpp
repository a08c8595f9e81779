#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

#include "engine/tensor/error.h"
#include "io/npy_format.h"

namespace nabla::io::npy {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kVersionAt = kMagic.size();
constexpr std::size_t kLengthAt = kVersionAt + 2;
// NumPy's own writer pads so that the elements begin at a multiple of this.
constexpr std::size_t kAlignment = 64;
constexpr std::string_view kSupported = "f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 and b1 are";

struct Type {
  std::string_view code;
  StoredType stored;
};
/// Those that are written come before others that become the same type of tensor.
constexpr std::array<Type, 12> kTypes = {{
    {"f4", StoredType::f32},
    {"f8", StoredType::f64},
    {"i4", StoredType::i32},
    {"i8", StoredType::i64},
    {"u1", StoredType::u8},
    {"u4", StoredType::u32},
    {"b1", StoredType::boolean},
    {"f2", StoredType::f16},
    {"i1", StoredType::i8},
    {"i2", StoredType::i16},
    {"u2", StoredType::u16},
    {"u8", StoredType::u64},
}};

/// Reads the header's dictionary from left to right.
class Parser {
 public:
  Parser(const Input& input, std::size_t begin, Header& header)
      : input_(input), at_(begin), header_(header) {}

  void parse() {
    expect('{');
    while (!take('}')) {
      entry();
      if (take(',')) continue;
      expect('}');
      break;
    }
    for (const Field& field : kFields) {
      if ((seen_ & field.bit) == 0) fail(at_, "the header has no " + std::string(field.name));
    }
    skip_spaces();
    if (at_ < header_.end) fail(at_, "only spaces may follow the header's dictionary");
  }

 private:
  struct Field {
    std::string_view name;
    unsigned bit;
    void (Parser::*read)();
  };
  static const std::array<Field, 3> kFields;

  [[noreturn]] void fail(std::size_t byte, const std::string& what) const { input_.fail(byte, what); }

  /// The character to be read next, 0 at the end of the header.
  char next() const { return at_ < header_.end ? input_.character(at_) : '\0'; }

  void skip_spaces() {
    while (next() == ' ' || next() == '\n' || next() == '\t' || next() == '\r') ++at_;
  }

  bool take(char character) {
    skip_spaces();
    if (next() != character) return false;
    ++at_;
    return true;
  }

  void expect(char character) {
    if (take(character)) return;
    fail(at_, std::string("the header is damaged: '") + character + "' should stand here");
  }

  std::string_view characters(std::size_t begin, std::size_t end) const {
    return {reinterpret_cast<const char*>(input_.bytes.data()) + begin, end - begin};
  }

  std::string_view quoted() {
    skip_spaces();
    const char quote = next();
    if (quote != '\'' && quote != '"') fail(at_, "the header is damaged: a quoted text should stand here");
    const std::size_t begin = ++at_;
    while (at_ < header_.end && next() != quote) ++at_;
    if (at_ == header_.end) fail(at_, "the header ends inside a quoted text");
    return characters(begin, at_++);
  }

  void entry() {
    skip_spaces();
    const std::size_t begin = at_;
    const std::string_view name = quoted();
    for (const Field& field : kFields) {
      if (name != field.name) continue;
      if ((seen_ & field.bit) != 0) fail(begin, "the header has " + std::string(name) + " twice");
      seen_ |= field.bit;
      expect(':');
      skip_spaces();
      (this->*field.read)();
      return;
    }
    fail(begin, "the header has the unknown key '" + std::string(name) + "'");
  }

  void read_type() {
    const std::size_t begin = at_;
    if (next() == '[') fail(at_, "structured types are not supported (" + std::string(kSupported) + ")");
    const std::string_view text = quoted();
    const std::string_view code = text.substr(std::min<std::size_t>(text.size(), 1));
    const auto type = std::ranges::find(kTypes, code, &Type::code);
    const std::size_t order = std::string_view("<>=|").find(text.substr(0, 1));
    if (type == kTypes.end() || order == std::string_view::npos) {
      fail(begin, "the type '" + std::string(text) + "' is not supported (" + std::string(kSupported) +
                      ", after <, >, = or |)");
    }
    if (text[0] == '|' && size_of(type->stored) > 1) {
      fail(begin, "the type '" + std::string(text) + "' has no byte order");
    }
    header_.type = type->stored;
    header_.order = text[0] == '<'   ? std::endian::little
                    : text[0] == '>' ? std::endian::big
                                     : std::endian::native;
  }

  void read_order() {
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!characters(at_, header_.end).starts_with(word)) continue;
      at_ += word.size();
      header_.fortran_order = value;
      return;
    }
    fail(at_, "fortran_order is neither True nor False");
  }

  void read_shape() {
    expect('(');
    bool comma = true;
    while (!take(')')) {
      if (!comma) fail(at_, "the header is damaged: ',' should stand here");
      read_extent();
      comma = take(',');
    }
    // Python reads (3) as a number.
    if (header_.shape.rank() == 1 && !comma) fail(at_ - 1, "the shape is a number, not a tuple");
  }

  void read_extent() {
    skip_spaces();
    if (header_.shape.rank() == kMaxRank) {
      fail(at_, "the shape has more than " + std::to_string(kMaxRank) + " axes");
    }
    const std::string_view rest = characters(at_, header_.end);
    std::int64_t extent = -1;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), extent);
    if (error == std::errc::result_out_of_range) fail(at_, "the extent is too large");
    if (error != std::errc() || extent < 0) fail(at_, "an extent should stand here");
    header_.shape.push_back(extent);
    at_ += static_cast<std::size_t>(end - rest.data());
  }

  const Input& input_;
  std::size_t at_;
  Header& header_;
  unsigned seen_ = 0;
};

const std::array<Parser::Field, 3> Parser::kFields = {{
    {"descr", 1, &Parser::read_type},
    {"fortran_order", 2, &Parser::read_order},
    {"shape", 4, &Parser::read_shape},
}};

}  // namespace

std::size_t header_end(const Input& input) {
  for (std::size_t i = 0; i < kMagic.size(); ++i) {
    if (i >= input.size() || input.character(i) != kMagic[i]) input.fail(i, "this is no .npy file");
  }
  const auto version = input.load<std::uint16_t>(kVersionAt, std::endian::big, "the version");
  if (version != 0x100 && version != 0x200 && version != 0x300) {
    input.fail(kVersionAt, "version " + std::to_string(version >> 8) + "." + std::to_string(version & 255) +
                               " is not supported (1.0, 2.0 and 3.0 are)");
  }
  const bool short_length = version == 0x100;
  const std::string_view what = "the length of the header";
  const std::size_t length = short_length ? input.load<std::uint16_t>(kLengthAt, std::endian::little, what)
                                          : input.load<std::uint32_t>(kLengthAt, std::endian::little, what);
  if (length > kMaxHeader) {
    input.fail(kLengthAt, "the header would have " + std::to_string(length) + " bytes, the limit is " +
                              std::to_string(kMaxHeader));
  }
  return kLengthAt + (short_length ? sizeof(std::uint16_t) : sizeof(std::uint32_t)) + length;
}

Header parse_header(const Input& input) {
  Header header;
  header.end = header_end(input);
  const std::size_t begin =
      kLengthAt + (input.bytes[kVersionAt] == std::byte{1} ? sizeof(std::uint16_t) : sizeof(std::uint32_t));
  if (header.end > input.size()) {
    input.fail(kLengthAt, "the header would have " + std::to_string(header.end - begin) +
                              " bytes, but only " + std::to_string(input.size() - begin) + " follow");
  }
  Parser(input, begin, header).parse();
  return header;
}

std::string format_header(const std::string& function, DType dtype, const Shape& shape) {
  const auto type = std::ranges::find(kTypes, dtype, [](const Type& row) { return dtype_of(row.stored); });
  if (type == kTypes.end()) {
    throw Error(function + ": the element type " + std::string(name_of(dtype)) + " is not supported (" +
                std::string(kSupported) + ")");
  }
  std::string text = "{'descr': '";
  text += size_of(dtype) == 1 ? '|' : '<';
  text += type->code;
  text += "', 'fortran_order': False, 'shape': (";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    text += (axis > 0 ? ", " : "") + std::to_string(shape[axis]);
  }
  text += shape.rank() == 1 ? ",), }" : "), }";

  // kMaxRank axes of 19 digits fit the 16-bit length of version 1.0 by far.
  const std::size_t before = kLengthAt + sizeof(std::uint16_t);
  const std::size_t total = (before + text.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t length = total - before;
  text.resize(length - 1, ' ');
  text += '\n';
  std::string head(kMagic);
  for (const std::size_t byte : {std::size_t{1}, std::size_t{0}, length & 255, length >> 8}) {
    head += static_cast<char>(byte);
  }
  return head + text;
}

}  // namespace nabla::io::npy
