#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace nabla::io {

/// The bytes that a reader works on, with what its error messages need: the function that the caller called
/// and the name of the file.
struct Input {
  std::string_view function;
  const std::string& name;
  std::span<const std::byte> bytes;

  std::size_t size() const { return bytes.size(); }
  char character(std::size_t byte) const { return static_cast<char>(bytes[byte]); }

  /// Throws nabla::Error "function: name, byte N: what".
  [[noreturn]] void fail(std::uint64_t byte, const std::string& what) const;

  /// The number stored at `byte`; fails there, naming `what`, when the file ends before it does.
  template <class T>
  T load(std::size_t byte, std::endian order, std::string_view what) const {
    if (byte > bytes.size() || bytes.size() - byte < sizeof(T)) fail_cut(what);
    std::array<std::byte, sizeof(T)> stored;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(byte), sizeof(T), stored.begin());
    if (order != std::endian::native) std::reverse(stored.begin(), stored.end());
    return std::bit_cast<T>(stored);
  }

 private:
  [[noreturn]] void fail_cut(std::string_view what) const;
};

}  // namespace nabla::io
