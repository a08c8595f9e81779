#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::mnist_classifier {

inline constexpr std::int64_t kSide = 28;
inline constexpr std::int64_t kClasses = 10;

/// Images as gray levels 0 .. 255 [n, 28, 28] u8, and their classes [n] u8, below 10.
struct Images {
  Tensor levels;
  Tensor labels;
  std::int64_t count() const { return levels.shape()[0]; }
};

struct Dataset {
  Images training;
  Images test;
};

/// Reads the four IDX files of MNIST or of a set in its format, such as Fashion-MNIST, each plain or gzip
/// (".gz"): {train,t10k}-{images-idx3,labels-idx1}-ubyte. @throws Error naming the directory and the file
/// that is missing, or the file that does not hold what it should.
Dataset read_dataset(const std::filesystem::path& directory);

/// Tells one set from every other: counts and checksums.
std::string describe(const Dataset& data);

}  // namespace nabla::mnist_classifier
