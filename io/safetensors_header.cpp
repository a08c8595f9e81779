#include <cstdint>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/safetensors_format.h"

namespace nabla::io::safetensors {
namespace {

using nlohmann::json;

/// Walks over the header's characters and counts those that were read, also for its copies.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* count) : at_(at), count_(count) {}
  const char& operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  CountingIterator operator++(int) {
    const CountingIterator before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  std::size_t* count_;
};

/// Receives the events of the JSON parser and fills a Header. Every method throws on what the format does not
/// allow at this place.
class HeaderEvents {
 public:
  HeaderEvents(const Input& input, Header& header, const std::size_t& read)
      : input_(input), header_(header), read_(read) {}

  bool key(std::string& text) {
    switch (state_) {
      case State::file:
        return file_key(text);
      case State::metadata:
        key_ = std::move(text);
        return enter(State::metadata_value);
      case State::tensor:
        return tensor_key(text);
      default:
        refuse("a key");
    }
  }

  bool string(std::string& text) {
    if (state_ == State::metadata_value) return metadata_value(text);
    if (state_ != State::dtype) refuse("a string");
    const auto type = type_named(text);
    if (!type) {
      fail("tensor '" + entry().name + "' has elements of type '" + text + "', which is not supported (" +
           std::string(kSupported) + ")");
    }
    entry().type = *type;
    return enter(State::tensor);
  }

  bool number_unsigned(json::number_unsigned_t number) {
    // The number was seen to end by the character behind it.
    constexpr std::size_t kBehind = 2;
    if (state_ == State::shape) {
      if (entry().shape.rank() == kMaxRank) {
        fail("tensor '" + entry().name + "' has more than " + std::to_string(kMaxRank) + " axes", kBehind);
      }
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail("tensor '" + entry().name + "' has an extent of " + std::to_string(number), kBehind);
      }
      entry().shape.push_back(static_cast<std::int64_t>(number));
      return true;
    }
    if (state_ != State::offsets) refuse("a number", kBehind);
    if (offsets_ == 2) fail("tensor '" + entry().name + "' has more than two data_offsets", kBehind);
    (offsets_++ == 0 ? entry().begin : entry().end) = number;
    return true;
  }

  bool start_object(std::size_t) {
    switch (state_) {
      case State::start:
        return enter(State::file);
      case State::metadata_start:
        return enter(State::metadata);
      case State::tensor_start:
        return enter(State::tensor);
      default:
        refuse("an object");
    }
  }

  bool end_object() {
    if (state_ == State::tensor) {
      for (const Field& field : kFields) {
        if ((seen_ & field.bit) == 0) fail("tensor '" + entry().name + "' has no " + std::string(field.name));
      }
    }
    // The walk ends with the header's own brace: what follows is looked at by the caller.
    return state_ != State::file && enter(State::file);
  }

  bool start_array(std::size_t) {
    if (state_ == State::shape_start) return enter(State::shape);
    if (state_ == State::offsets_start) return enter(State::offsets);
    refuse("a list");
  }

  bool end_array() {
    if (state_ == State::offsets && offsets_ != 2) {
      fail("tensor '" + entry().name + "' has fewer than two data_offsets");
    }
    return enter(State::tensor);
  }

  bool null() { refuse("null"); }
  bool boolean(bool) { refuse("a boolean"); }
  bool number_integer(json::number_integer_t) { refuse("a negative number", 2); }
  bool number_float(json::number_float_t, const std::string&) {
    refuse("a number that is not whole or too large", 2);
  }
  bool binary(json::binary_t&) { refuse("binary data"); }

  /// `position` counts the characters read, the offending one and the end of the header included.
  bool parse_error(std::size_t position, const std::string&, const json::exception& error) {
    // Of "... parse error at line 1, column 5: syntax error while parsing value - REASON; last read ..".
    std::string_view reason = error.what();
    reason.remove_prefix(std::min(reason.find(" - "), reason.size()));
    reason = reason.substr(0, reason.find(';'));
    input_.fail(kPrefixSize + position - 1, "the header is not JSON" + std::string(reason));
  }

 private:
  enum class State {
    start,
    file,
    metadata_start,
    metadata,
    metadata_value,
    tensor_start,
    tensor,
    dtype,
    shape_start,
    shape,
    offsets_start,
    offsets,
  };

  struct Field {
    std::string_view name;
    State value;
    unsigned bit;
  };
  static constexpr Field kFields[] = {
      {"dtype", State::dtype, 1},
      {"shape", State::shape_start, 2},
      {"data_offsets", State::offsets_start, 4},
  };

  bool enter(State state) {
    state_ = state;
    return true;
  }

  Entry& entry() { return header_.entries.back(); }

  /// The byte of the file that was read `back` characters ago; 1 is the last.
  std::size_t place(std::size_t back = 1) const { return kPrefixSize + read_ - back; }

  [[noreturn]] void fail(const std::string& what, std::size_t back = 1) const {
    input_.fail(place(back), what);
  }

  [[noreturn]] void refuse(const std::string& what, std::size_t back = 1) const {
    fail(what + " is out of place in the header", back);
  }

  bool file_key(std::string& text) {
    if (text == kMetadataKey) {
      if (std::exchange(seen_metadata_, true)) fail("the key '__metadata__' comes twice");
      return enter(State::metadata_start);
    }
    if (header_.entries.size() == kMaxTensors)
      fail("the file has more than " + std::to_string(kMaxTensors) + " tensors");
    header_.entries.push_back({std::move(text), StoredType::f32, {}, 0, 0, place()});
    seen_ = 0;
    offsets_ = 0;
    return enter(State::tensor_start);
  }

  bool tensor_key(const std::string& text) {
    for (const Field& field : kFields) {
      if (text != field.name) continue;
      if ((seen_ & field.bit) != 0) fail("tensor '" + entry().name + "' has " + text + " twice");
      seen_ |= field.bit;
      return enter(field.value);
    }
    fail("tensor '" + entry().name + "' has the unknown key '" + text + "'");
  }

  bool metadata_value(std::string& text) {
    if (key_ == kChecksumKey) {
      if (header_.checksums) fail("the metadata has the key 'crc32' twice");
      header_.checksums_place = place() - text.size();
      header_.checksums = std::move(text);
    } else if (!header_.metadata.try_emplace(key_, std::move(text)).second) {
      fail("the metadata has the key '" + key_ + "' twice");
    }
    return enter(State::metadata);
  }

  const Input& input_;
  Header& header_;
  const std::size_t& read_;
  State state_ = State::start;
  std::string key_;
  bool seen_metadata_ = false;
  unsigned seen_ = 0;
  int offsets_ = 0;
};

}  // namespace

Header read_header(ByteStream& stream, const std::string& name, std::vector<std::byte>& head) {
  stream.append(head, kPrefixSize);
  const Input prefix{kReader, name, head};
  const auto size = prefix.load<std::uint64_t>(0, std::endian::little, "the length of the header");
  if (size > kMaxHeaderSize) {
    prefix.fail(0, "the header would have " + std::to_string(size) + " bytes, the limit is " +
                       std::to_string(kMaxHeaderSize));
  }
  if (const std::uint64_t most = stream.at_most(); size > most) {
    prefix.fail(0, "the header would have " + std::to_string(size) + " bytes, but only " +
                       std::to_string(most) + " follow");
  }
  stream.append(head, static_cast<std::size_t>(size));
  const Input input{kReader, name, head};
  if (input.size() < kPrefixSize + size) input.fail(input.size(), "the file ends inside the header");

  Header header;
  header.end = kPrefixSize + static_cast<std::size_t>(size);
  // Also keeps out the byte order mark that the JSON parser would skip.
  if (size == 0 || input.character(kPrefixSize) != '{')
    input.fail(kPrefixSize, "the header does not begin with {");

  const char* const text = reinterpret_cast<const char*>(input.bytes.data()) + kPrefixSize;
  std::size_t read = 0;
  HeaderEvents events(input, header, read);
  json::sax_parse(CountingIterator(text, &read), CountingIterator(text + size, &read), &events,
                  json::input_format_t::json, /*strict=*/false);
  for (; read < size; ++read) {
    if (std::string_view(" \t\r\n").find(text[read]) != std::string_view::npos) continue;
    input.fail(kPrefixSize + read, "only spaces may follow the end of the header");
  }
  return header;
}

}  // namespace nabla::io::safetensors
