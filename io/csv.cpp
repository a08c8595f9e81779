#include "io/csv.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>

#include "engine/tensor/error.h"
#include "engine/tensor/printable.h"
#include "io/byte_stream.h"
#include "io/gzip_stream.h"
#include "io/out_of_memory.h"

namespace nabla::io {
namespace {

constexpr std::string_view kReadCsv = "read_csv";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// The text of a stream block by block.
class Blocks {
 public:
  Blocks(ByteStream& stream, const std::string& name, const CsvOptions& options)
      : stream_(stream), name_(name), most_(options.max_bytes), block_(std::size_t{1} << 16, '\0') {}

  /// Empty at the end.
  std::string_view next() {
    const std::size_t count = stream_.read(std::as_writable_bytes(std::span(block_)));
    read_ += count;
    if (read_ > most_) {
      throw Error(std::string(kReadCsv) + ": " + name_ + " has more than " + std::to_string(most_) +
                  " bytes of text, which CsvOptions::max_bytes limits");
    }
    return std::string_view(block_).substr(0, count);
  }

 private:
  ByteStream& stream_;
  const std::string& name_;
  std::uint64_t most_;
  std::uint64_t read_ = 0;
  std::string block_;
};

/// No table of this text has more fields.
std::size_t most_fields(Blocks blocks) {
  std::size_t separators = 0;
  for (std::string_view text = blocks.next(); !text.empty(); text = blocks.next())
    separators += static_cast<std::size_t>(
        std::ranges::count_if(text, [](char character) { return character == ',' || character == '\n'; }));
  return separators + 1;
}

/// Makes a table of lines.
class Parser {
 public:
  /// `fields` is how many there may be: a table that grows would for a moment be there twice.
  Parser(const std::string& name, const CsvOptions& options, std::size_t fields)
      : name_(name), in_header_(options.header) {
    table_.values.reserve(fields);
  }

  void add(std::string_view line) {
    ++line_;
    if (line_ == 1) line = without_mark(line);
    if (trimmed(line).empty()) return;
    // A trailing comma makes a last field, which is empty and refused.
    std::int64_t count = 0;
    column_ = 1;
    for (bool more = true; more; ++column_, ++count) more = take_field(line);
    column_ = 0;
    if (table_.columns == 0) table_.columns = count;
    if (count != table_.columns) {
      fail("the row has " + std::to_string(count) + " columns, those above have " +
           std::to_string(table_.columns));
    }
    if (!in_header_) ++table_.rows;
    in_header_ = false;
  }

  NumericTable finish() {
    if (table_.rows == 0) throw Error(std::string(kReadCsv) + ": " + printable(name_) + " holds no numbers");
    return std::move(table_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    std::string message = name_ + ", line " + std::to_string(line_);
    if (column_ > 0) message += ", column " + std::to_string(column_);
    throw Error(std::string(kReadCsv) + ": " + printable(message + ": " + what));
  }

  std::string_view without_mark(std::string_view line) const {
    if (line.starts_with("\xff\xfe") || line.starts_with("\xfe\xff")) fail("the text is UTF-16, not UTF-8");
    constexpr std::string_view kMark = "\xef\xbb\xbf";
    return line.starts_with(kMark) ? line.substr(kMark.size()) : line;
  }

  /// Takes the next field off the front of a line, and the comma behind it; false where there was none.
  bool take_field(std::string_view& line) {
    const std::size_t first = line.find_first_not_of(" \t");
    if (first != std::string_view::npos && line[first] == '"') {
      line.remove_prefix(first + 1);
      put(take_quoted(line));
    } else {
      const std::size_t end = std::min(line.find(','), line.size());
      put(line.substr(0, end));
      line.remove_prefix(end);
    }
    const bool more = !line.empty();
    if (more) line.remove_prefix(1);
    return more;
  }

  /// What stands up to the closing quote; leaves the line at the comma behind it, or at its end.
  std::string take_quoted(std::string_view& line) const {
    std::string field;
    for (;;) {
      const std::size_t quote = line.find('"');
      if (quote == std::string_view::npos) fail("the quote is not closed on this line");
      field += line.substr(0, quote);
      line.remove_prefix(quote + 1);
      if (!line.starts_with('"')) break;
      field += '"';
      line.remove_prefix(1);
    }
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
    if (!line.empty() && line[0] != ',') fail("a comma should follow the closing quote");
    return field;
  }

  void put(std::string_view field) {
    if (in_header_) {
      table_.names.emplace_back(trimmed(field));
    } else {
      table_.values.push_back(number(trimmed(field)));
    }
  }

  double number(std::string_view digits) const {
    if (digits.empty()) fail("the field is empty");
    // from_chars takes no leading plus, which other programs do write.
    const bool plus = digits.size() > 1 && digits[0] == '+' && digits[1] != '-';
    double value = 0.0;
    const auto [end, error] = std::from_chars(digits.data() + plus, digits.data() + digits.size(), value);
    const std::string shown = "'" + std::string(digits.substr(0, 40)) + "'";
    if (error == std::errc::result_out_of_range) fail(shown + " is out of the range of a double");
    if (error == std::errc() && end == digits.data() + digits.size()) return value;
    const bool name = table_.rows == 0 && column_ == 1 && table_.names.empty() &&
                      std::string_view("+-.0123456789").find(digits[0]) == std::string_view::npos;
    fail(shown + " is not a number" + (name ? " (a line of names is read with CsvOptions::header)" : ""));
  }

  const std::string& name_;
  NumericTable table_;
  bool in_header_;
  std::int64_t line_ = 0;  // both count from 1; column 0 is the whole line
  std::int64_t column_ = 0;
};

NumericTable read(Blocks blocks, Parser parser) {
  std::string begun;  // a line whose end is in a later block
  for (std::string_view text = blocks.next(); !text.empty(); text = blocks.next()) {
    for (std::size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
      if (begun.empty()) {
        parser.add(text.substr(0, end));
      } else {
        parser.add(begun += text.substr(0, end));
        begun.clear();
      }
    }
    begun += text;
  }
  if (!begun.empty()) parser.add(begun);
  return parser.finish();
}

}  // namespace

NumericTable parse_csv(std::string_view text, const std::string& name, const CsvOptions& options) {
  return telling_shortage(kReadCsv, name, [&] {
    MemoryStream counted(std::as_bytes(std::span(text))), stream = counted;
    const std::size_t fields = most_fields({counted, name, options});
    return read({stream, name, options}, {name, options, fields});
  });
}

NumericTable read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  const std::string name = path.string();
  return telling_shortage(kReadCsv, name, [&] {
    GzipStream stream(kReadCsv, path);
    std::size_t fields = 0;
    // A pipe can be read only once.
    if (std::error_code ignored; std::filesystem::is_regular_file(path, ignored)) {
      GzipStream counted(kReadCsv, path);
      fields = most_fields({counted, name, options});
    }
    return read({stream, name, options}, {name, options, fields});
  });
}

}  // namespace nabla::io
