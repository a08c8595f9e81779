#include "io/csv.h"

#include <array>
#include <bit>
#include <charconv>

#include "tests/fuzz/target.h"

using namespace nabla::io;

namespace {

std::string format(const NumericTable& table) {
  std::string text;
  std::array<char, 32> digits;
  for (std::size_t i = 0; i < table.values.size(); ++i) {
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), table.values[i]).ptr;
    text.append(digits.data(), end);
    text += (i + 1) % static_cast<std::size_t>(table.columns) == 0 ? '\n' : ',';
  }
  return text;
}

/// Equal bits, so that -0 is not 0 and NaN is NaN.
bool same_number(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parse = [](const CsvOptions& options) {
    return [options](std::span<const std::byte> bytes) {
      return parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, fuzz::kName, options);
    };
  };
  const auto check = [](const NumericTable& table) {
    const NumericTable again = parse_csv(format(table), fuzz::kName);
    fuzz::require(again.rows == table.rows && again.columns == table.columns);
    fuzz::require(std::ranges::equal(again.values, table.values, same_number));
  };
  fuzz::try_input(data, size, parse({.header = true}), check);
  return fuzz::try_input(data, size, parse({}), check);
}
