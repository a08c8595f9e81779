#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "engine/tensor/tensor.h"

namespace nabla::io {

/// Images of red, green and blue [n, 3, 32, 32] u8, and their classes [n] u8, 0 to 9.
struct Cifar10Images {
  Tensor images;
  Tensor labels;
};

/// More images than this in one file are refused: nothing in it says how many there are. The set has 10 000.
inline constexpr std::int64_t kMaxCifar10Images = 100'000;

/// Reads a file of CIFAR-10 in its binary version (Krizhevsky, "Learning multiple layers of features from
/// tiny images", 2009), such as data_batch_1.bin or test_batch.bin, plain or gzip. Throws nabla::Error naming
/// the file, the byte and what is wrong there: a class above 9, an image that is cut, none or too many of
/// them.
Cifar10Images read_cifar10(const std::filesystem::path& path);

/// The same for unpacked bytes at hand; `name` stands for the file in error messages.
Cifar10Images parse_cifar10(std::span<const std::byte> bytes, const std::string& name);

}  // namespace nabla::io
