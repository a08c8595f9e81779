#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/io/scratch.h"

// A small set in MNIST's format that takes seconds to learn: class c is a dark bar of its own direction and
// place.

namespace nabla::mnist_classifier {

/// The bytes of an IDX file of u8.
inline std::string idx_bytes(const std::vector<std::uint32_t>& extents, const std::string& elements) {
  std::string bytes{0, 0, 8, static_cast<char>(extents.size())};
  for (const std::uint32_t extent : extents)
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(extent >> shift & 255));
  return bytes + elements;
}

inline void write_stripes(const std::filesystem::path& directory, const std::string& part,
                          std::uint32_t count) {
  std::string levels, labels;
  std::uint32_t noise = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t label = i * 7 % 10;
    labels.push_back(static_cast<char>(label));
    for (std::uint32_t y = 0; y < 28; ++y)
      for (std::uint32_t x = 0; x < 28; ++x) {
        noise = noise * 1664525 + 1013904223;
        const std::uint32_t along = label < 5 ? y : x;
        levels.push_back(static_cast<char>((along / 5 == label % 5 ? 150 : 0) + (noise >> 26)));
      }
  }
  std::filesystem::create_directories(directory);
  io::test::spill(directory / (part + "-images-idx3-ubyte"), idx_bytes({count, 28, 28}, levels));
  io::test::spill(directory / (part + "-labels-idx1-ubyte"), idx_bytes({count}, labels));
}

/// 320 images to train on and 100 to test on.
inline std::filesystem::path stripes(const io::test::ScratchDirectory& scratch) {
  write_stripes(scratch / "data", "train", 320);
  write_stripes(scratch / "data", "t10k", 100);
  return scratch / "data";
}

}  // namespace nabla::mnist_classifier
