#pragma once

#include <string>
#include <vector>

#include "examples/digits/results.h"
#include "examples/report/image_grid.h"

namespace nabla::digits {

/// A picture of the report, the name of its PNG file without the ending, and its caption.
struct Picture {
  std::string name;
  report::Image image;
  std::string caption;
};

/// The standard deviation that takes the brightest colour in the maps.
inline constexpr double kBrightestDeviation = 0.7;

/// The real digits, then one grid for each sampler.
std::vector<Picture> sample_pictures(const Results& results);
/// For one of the shown digits, along time: noisy input, posterior mean, standard deviation per pixel, as
/// three rows; the last column is the clean digit.
std::vector<Picture> map_pictures(const Results& results);
/// Rows: one-step samples, posterior means at the inner time, standard deviations (A) and (B).
Picture one_step_picture(const Results& results);

}  // namespace nabla::digits
