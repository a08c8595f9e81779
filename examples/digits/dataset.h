#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::digits {

inline constexpr std::int64_t kSide = 8;
inline constexpr std::int64_t kPixels = kSide * kSide;
inline constexpr std::int64_t kLevels = 17;  // 0 (paper) .. 16 (ink)
inline constexpr std::int64_t kClasses = 10;

/// Images as levels 0 .. 16 [n, 64] f32, and their classes.
struct Images {
  Tensor levels;
  std::vector<int> labels;
  std::int64_t count() const { return levels.shape()[0]; }
};

/// Reads rows of 64 levels and a label. @throws Error naming the file and what is wrong with it.
Images read_images(const std::filesystem::path& path);

struct Split {
  Images training;
  Images held_out;
};
/// Tells one split from every other: counts and checksums of both parts, image by image in their order.
std::string describe(const Split& split);
/// Holds out `count` images, drawn at random within each class, in proportion to the classes: the file stands
/// in the order of its writers, so that a cut by position would not be a fair sample.
/// @throws Error if count is not between 1 and the number of images less 1.
Split stratified_split(const Images& images, std::int64_t count, const Tensor& key);
/// How a run with this seed divides the images into those it trains on and 297 that it holds out.
Split split_of_run(const Images& images, std::uint64_t seed);

/// Levels with uniform noise in place of what rounding took away: 2 (k + u) / 17 - 1, in [-1, 1).
Tensor dequantise(const Tensor& levels, const Tensor& key);

/// Mean and variance of each pixel after dequantisation, over images and noise: [64] each.
struct Moments {
  Tensor mean;
  Tensor variance;
};
Moments pixel_moments(const Images& images);

}  // namespace nabla::digits
