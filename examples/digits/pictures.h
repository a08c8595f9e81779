#pragma once

#include <string>
#include <vector>

#include "examples/digits/results.h"
#include "examples/report/image_grid.h"

namespace nabla::digits {

/// A picture of the report and the name of its PNG file, without the ending.
struct Picture {
  std::string name;
  report::Image image;
};

/// The standard deviation that takes the brightest colour in the maps.
inline constexpr double kBrightestDeviation = 0.7;

Picture generated_picture(const Results& results);
Picture real_picture(const Results& results);
/// For one of the shown digits, along time: noisy input, posterior mean, standard deviation per pixel, as
/// three rows; the last column is the clean digit.
std::vector<Picture> map_pictures(const Results& results);

}  // namespace nabla::digits
