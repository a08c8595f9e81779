#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/error.h"
#include "engine/tensor/named_tensor.h"
#include "io/elements.h"

namespace nabla::io::test {

using Bytes = std::vector<std::byte>;

/// A file of the corpus, which programs other than ours have written: corpus("npy/scalar.npy").
inline std::filesystem::path corpus(const std::string& name) {
  return std::filesystem::path(NABLAFLOW_FUZZ_CORPUS) / name;
}

inline Bytes bytes_of_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline Bytes bytes_of_numbers(std::initializer_list<int> numbers) {
  Bytes bytes;
  for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
  return bytes;
}

/// One tensor of every element type, an empty one, a scalar, and one of the largest rank; no two types alike
/// in size and order of names, so that a file that sorts them has work to do.
inline std::vector<NamedTensor> sample_tensors() {
  const double infinity = std::numeric_limits<double>::infinity();
  return {
      {"weight", tensor<float>({1, -2.5f, 3, 0, 1e-40f, 1e30f}, {2, 3})},
      {"flag", tensor<bool>({true, false, true}, {3})},
      {"scalar", tensor<double>({-0.0}, Shape())},
      {"wide", tensor<double>({infinity, std::numeric_limits<double>::quiet_NaN()}, {1, 2})},
      {"count", tensor<std::int32_t>({-7, std::numeric_limits<std::int32_t>::max()}, {2})},
      {"big", tensor<std::int64_t>({std::numeric_limits<std::int64_t>::min(), 1}, {2, 1})},
      {"pixel", tensor<std::uint8_t>({0, 255, 7}, {3, 1, 1})},
      {"key", tensor<std::uint32_t>({4'000'000'000u, 2}, {2})},
      {"none", tensor<float>(std::vector<float>(), {4, 0, 2})},
      {"deep", tensor<std::uint8_t>({9}, Shape::filled(kMaxRank, 1))},
  };
}

/// Same type, shape and bits.
inline void check_same(const Tensor& a, const Tensor& b) {
  CHECK(a.dtype() == b.dtype());
  REQUIRE(a.shape() == b.shape());
  CHECK(std::ranges::equal(bytes_of(a), bytes_of(b)));
}

/// The same tensors, whatever their order.
inline void check_same(std::vector<NamedTensor> a, std::vector<NamedTensor> b) {
  REQUIRE(a.size() == b.size());
  std::ranges::sort(a, {}, &NamedTensor::name);
  std::ranges::sort(b, {}, &NamedTensor::name);
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(a[i].name);
    CHECK(a[i].name == b[i].name);
    check_same(a[i].value, b[i].value);
  }
}

/// What an Error says when `read` is called; empty when it returns.
template <class Read>
std::string message_of(Read read) {
  try {
    read();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// Takes the '^' out of a header and returns where it stood: where the error must be found.
inline std::size_t take_mark(std::string& header) {
  const std::size_t mark = header.find('^');
  REQUIRE(mark != std::string::npos);
  header.erase(mark, 1);
  return mark;
}

/// Calls `check(bytes)` with the file cut at every length short of the whole.
template <class Check>
void for_every_cut(const Bytes& whole, Check check) {
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    // A copy of its own, so that a sanitizer sees a read beyond the cut.
    check(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
  }
}

/// Calls `check(bytes)` with every single bit of the file flipped.
template <class Check>
void for_every_flip(Bytes bytes, Check check) {
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    CAPTURE(bit / 8);
    CAPTURE(bit % 8);
    const auto mask = static_cast<std::byte>(1 << bit % 8);
    bytes[bit / 8] ^= mask;
    check(bytes);
    bytes[bit / 8] ^= mask;
  }
}

}  // namespace nabla::io::test
