#include "examples/report/image_grid.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "engine/tensor/error.h"

namespace nabla::report {
namespace {

void check(std::size_t values, std::int64_t height, std::int64_t width, const GridStyle& style) {
  if (height < 1 || width < 1) throw Error("image_grid: height and width must be at least 1");
  if (values == 0 || values % static_cast<std::size_t>(height * width) != 0) {
    throw Error("image_grid: " + std::to_string(values) + " values are not a whole number of " +
                std::to_string(height) + " x " + std::to_string(width) + " images");
  }
  if (style.columns < 0 || style.upscale < 1 || style.gap < 0) {
    throw Error("image_grid: columns and gap must not be negative, upscale must be at least 1");
  }
  if (!(style.high > style.low)) throw Error("image_grid: high must be above low");
}

void fill(Image& image, std::int64_t top, std::int64_t left, std::int64_t side, const Colour& colour) {
  for (std::int64_t y = top; y < top + side; ++y) {
    for (std::int64_t x = left; x < left + side; ++x) {
      std::copy(colour.begin(), colour.end(), image.rgb.begin() + 3 * (y * image.width + x));
    }
  }
}

}  // namespace

Image image_grid(std::span<const double> values, std::int64_t height, std::int64_t width,
                 const GridStyle& style) {
  check(values.size(), height, width, style);
  const std::int64_t count = static_cast<std::int64_t>(values.size()) / (height * width);
  const auto square_side = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  const std::int64_t columns = style.columns > 0 ? std::min(style.columns, count) : square_side;
  const std::int64_t rows = (count + columns - 1) / columns;
  const std::int64_t row_pitch = height * style.upscale + style.gap;
  const std::int64_t column_pitch = width * style.upscale + style.gap;

  Image image;
  image.width = columns * column_pitch + style.gap;
  image.height = rows * row_pitch + style.gap;
  image.rgb.resize(image.width * image.height * 3);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = style.gap_colour[i % 3];

  const double* value = values.data();
  for (std::int64_t tile = 0; tile < count; ++tile) {
    const std::int64_t top = style.gap + tile / columns * row_pitch;
    const std::int64_t left = style.gap + tile % columns * column_pitch;
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        const Colour colour = colour_of(style.map, (*value++ - style.low) / (style.high - style.low));
        fill(image, top + y * style.upscale, left + x * style.upscale, style.upscale, colour);
      }
    }
  }
  return image;
}

}  // namespace nabla::report
