#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "examples/report/colour_map.h"

namespace nabla::report {

/// An 8-bit colour image, row-major, three bytes a pixel.
struct Image {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::vector<std::uint8_t> rgb;
};

/// How image_grid lays out and colours its tiles.
struct GridStyle {
  double low = 0.0;   ///< the value that takes the map's first colour
  double high = 1.0;  ///< the value that takes its last
  ColourMap map = ColourMap::gray;
  std::int64_t columns = 0;  ///< 0: as near to a square as the count allows
  std::int64_t upscale = 1;  ///< every value becomes a block of upscale x upscale pixels
  std::int64_t gap = 1;      ///< pixels between tiles and around them
  Colour gap_colour = {43, 45, 51};
};

/// Tiles images [n, height, width] into one picture, row by row. Places behind the last image take the gap's
/// colour.
Image image_grid(std::span<const double> values, std::int64_t height, std::int64_t width,
                 const GridStyle& style);

}  // namespace nabla::report
