#include "examples/report/number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nabla::report {
namespace {

std::string to_text(double value, std::chars_format format, int precision) {
  // Long enough for every double in fixed notation.
  std::array<char, 512> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, precision);
  return {buffer.data(), result.ptr};
}

std::string not_finite(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "∞" : "−∞";
}

std::string without_trailing_zeros(std::string digits) {
  if (digits.find('.') == std::string::npos) return digits;
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

/// Groups thousands and sets a true minus sign.
std::string typeset(const std::string& digits) {
  const bool negative = digits[0] == '-';
  std::string text = digits.substr(negative ? 1 : 0);
  const std::size_t point = std::min(text.find('.'), text.size());
  // Four digits in a row still read well; from five on they are grouped.
  if (point > 4) {
    for (std::size_t i = point; i > 3; i -= 3) text.insert(i - 3, ",");
    if (text[0] == ',') text.erase(0, 1);
  }
  const bool zero = text.find_first_not_of("0.,") == std::string::npos;
  return (negative && !zero ? "−" : "") + text;
}

}  // namespace

std::string power_of_ten(int exponent) {
  constexpr std::array<std::string_view, 10> kRaised = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "10⁻" : "10";
  for (const char digit : std::to_string(std::abs(exponent))) {
    text += kRaised[digit - '0'];
  }
  return text;
}

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return not_finite(value);
  return typeset(to_text(value, std::chars_format::fixed, decimals));
}

std::string number(double value, int digits) {
  if (!std::isfinite(value)) return not_finite(value);
  if (value == 0) return "0";

  // Rounding comes first: 9.996 to three digits is 10.0 and has one more digit before the point.
  const std::string scientific = to_text(value, std::chars_format::scientific, digits - 1);
  const std::size_t mark = scientific.find('e');
  const int exponent = std::stoi(scientific.substr(mark + 1));
  if (exponent < -4 || exponent >= 7) {
    const std::string mantissa = without_trailing_zeros(scientific.substr(0, mark));
    if (mantissa == "1") return power_of_ten(exponent);
    if (mantissa == "-1") return "−" + power_of_ten(exponent);
    return typeset(mantissa) + "·" + power_of_ten(exponent);
  }
  const int decimals = std::max(0, digits - 1 - exponent);
  return typeset(without_trailing_zeros(to_text(value, std::chars_format::fixed, decimals)));
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "–:––";
  const auto total = static_cast<std::int64_t>(std::llround(seconds));
  const auto two_digits = [](std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  const std::int64_t hours = total / 3600;
  const std::int64_t minutes = total / 60 % 60;
  const std::string tail = ":" + two_digits(total % 60);
  if (hours == 0) return std::to_string(minutes) + tail;
  return std::to_string(hours) + ":" + two_digits(minutes) + tail;
}

}  // namespace nabla::report
