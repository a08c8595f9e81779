#include "io/csv.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

#include "engine/tensor/error.h"
#include "io/text_file.h"

namespace nabla::io {
namespace {

/// Where the parser stands, for error messages; both count from 1.
struct Place {
  const std::string& name;
  std::int64_t line = 0;
  std::int64_t column = 0;
};

[[noreturn]] void fail(const Place& place, const std::string& what) {
  std::string message = "read_csv: " + place.name + ", line " + std::to_string(place.line);
  if (place.column > 0) message += ", column " + std::to_string(place.column);
  throw Error(message + ": " + what);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Takes the text up to the separator off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

double parse_number(std::string_view field, const Place& place) {
  const std::string_view digits = trimmed(field);
  if (digits.empty()) fail(place, "the field is empty");
  // from_chars takes no leading plus, which other programs do write.
  const bool plus = digits.size() > 1 && digits[0] == '+' && digits[1] != '-';
  double value = 0.0;
  const auto [end, error] = std::from_chars(digits.data() + plus, digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) {
    fail(place, "'" + std::string(digits) + "' is out of the range of a double");
  }
  if (error != std::errc() || end != digits.data() + digits.size()) {
    fail(place, "'" + std::string(digits.substr(0, 40)) + "' is not a number");
  }
  return value;
}

/// Appends one row's numbers and returns how many there were.
std::int64_t parse_row(std::string_view line, Place& place, std::vector<double>& values) {
  // A trailing comma makes a last field, which is empty and refused.
  place.column = 0;
  for (bool more = true; more;) {
    more = line.find(',') != std::string_view::npos;
    ++place.column;
    values.push_back(parse_number(take_until(line, ','), place));
  }
  const std::int64_t count = place.column;
  place.column = 0;
  return count;
}

}  // namespace

NumericTable parse_csv(std::string_view text, const std::string& name) {
  NumericTable table;
  Place place{name};
  while (!text.empty()) {
    const std::string_view line = take_until(text, '\n');
    ++place.line;
    if (trimmed(line).empty()) continue;
    const std::int64_t count = parse_row(line, place, table.values);
    if (table.rows == 0) table.columns = count;
    if (count != table.columns) {
      fail(place, "the row has " + std::to_string(count) + " columns, those above have " +
                      std::to_string(table.columns));
    }
    ++table.rows;
  }
  if (table.rows == 0) throw Error("read_csv: " + name + " holds no numbers");
  return table;
}

NumericTable read_csv(const std::filesystem::path& path) { return parse_csv(read_text(path), path.string()); }

}  // namespace nabla::io
