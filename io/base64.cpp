#include "io/base64.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "engine/tensor/error.h"

namespace nabla::io {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> digit_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr std::array<std::uint8_t, 256> kDigitValues = digit_values();

std::uint32_t digit_at(std::string_view text, std::size_t position) {
  const std::uint8_t value = kDigitValues[static_cast<unsigned char>(text[position])];
  if (value == kNoDigit) {
    throw Error("base64_decode: not a base64 digit at position " + std::to_string(position));
  }
  return value;
}

}  // namespace

std::string base64_encode(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? bytes[i + j] : 0u);
    // n bytes fill n + 1 digits; the rest of the four is padding.
    for (std::size_t j = 0; j < 4; ++j) {
      text.push_back(j <= count ? kAlphabet[group >> (18 - 6 * j) & 63] : '=');
    }
  }
  return text;
}

std::vector<std::uint8_t> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    throw Error("base64_decode: the length " + std::to_string(text.size()) + " is not a multiple of 4");
  }
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t padding = 0;
    if (i + 4 == text.size()) {
      padding = text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
    }
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      group = group << 6 | (j + padding < 4 ? digit_at(text, i + j) : 0u);
    }
    const std::uint32_t unused_bits = padding == 0 ? 0u : padding == 1 ? 0xffu : 0xffffu;
    if ((group & unused_bits) != 0) {
      throw Error("base64_decode: bits behind the last byte are set at position " + std::to_string(i));
    }
    for (std::size_t j = 0; j + padding < 3; ++j) {
      bytes.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * j)));
    }
  }
  return bytes;
}

}  // namespace nabla::io
