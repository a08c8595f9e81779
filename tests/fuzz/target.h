#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/error.h"
#include "engine/tensor/named_tensor.h"
#include "io/elements.h"

/// What libFuzzer and the replay program call with every input. Returns 0; anything but nabla::Error that
/// leaves a reader, and a value that does not survive being written and read again, is a finding and ends the
/// process.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace nabla::io::fuzz {

/// The name that stands for the file.
inline const std::string kName = "input";

inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// Same type, shape and bits.
inline void require_same(const Tensor& a, const Tensor& b) {
  require(a.dtype() == b.dtype() && a.shape() == b.shape());
  require(std::ranges::equal(bytes_of(a), bytes_of(b)));
}

inline void require_same(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
  require(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    require(a[i].name == b[i].name);
    require_same(a[i].value, b[i].value);
  }
}

/// Gives the bytes to `parse`; where that succeeds, gives its result to `check`, from which nothing may be
/// thrown.
template <class Parse, class Check>
int try_input(const std::uint8_t* data, std::size_t size, Parse parse, Check check) {
  decltype(parse(std::span<const std::byte>())) value;
  try {
    value = parse(std::as_bytes(std::span(data, size)));
  } catch (const Error& error) {
    // Every message names what was read.
    require(std::string_view(error.what()).find(kName) != std::string_view::npos);
    return 0;
  }
  check(value);
  return 0;
}

}  // namespace nabla::io::fuzz
