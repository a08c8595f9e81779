#include "engine/tensor/number_text.h"

#include <array>
#include <charconv>

namespace nabla {
namespace {

template <class... Format>
std::string written(double value, Format... format) {
  std::array<char, 512> text;  // the largest double has 309 digits before the point
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value, format...).ptr};
}

}  // namespace

std::string number_text(double value) { return written(value); }

std::string number_text(double value, int digits) {
  return written(value, std::chars_format::general, digits);
}

std::string fixed_text(double value, int decimals) {
  return written(value, std::chars_format::fixed, decimals);
}

}  // namespace nabla
