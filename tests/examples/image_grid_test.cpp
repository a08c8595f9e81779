#include "examples/report/image_grid.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/tensor/error.h"

namespace nabla::report {
namespace {

Colour pixel(const Image& image, std::int64_t y, std::int64_t x) {
  const auto at = static_cast<std::size_t>(3 * (y * image.width + x));
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

constexpr Colour kBlack = {0, 0, 0};
constexpr Colour kWhite = {255, 255, 255};

}  // namespace

TEST_CASE("image_grid puts every value where it belongs") {
  // Three images of 1 x 2 in a grid of two columns; the fourth place stays empty.
  const std::vector<double> values = {0, 1, 1, 0, 1, 1};
  const GridStyle style;
  const Image image = image_grid(values, 1, 2, style);
  CHECK(image.width == 7);
  CHECK(image.height == 5);
  REQUIRE(image.rgb.size() == 105);
  CHECK(pixel(image, 1, 1) == kBlack);
  CHECK(pixel(image, 1, 2) == kWhite);
  CHECK(pixel(image, 1, 3) == style.gap_colour);
  CHECK(pixel(image, 1, 4) == kWhite);
  CHECK(pixel(image, 1, 5) == kBlack);
  CHECK(pixel(image, 3, 1) == kWhite);
  CHECK(pixel(image, 3, 4) == style.gap_colour);
  CHECK(pixel(image, 0, 0) == style.gap_colour);
}

TEST_CASE("image_grid upscales by whole blocks, takes a range, and can do without gaps") {
  GridStyle style;
  style.low = -1;
  style.high = 3;
  style.upscale = 3;
  style.gap = 0;
  style.columns = 1;
  const Image image = image_grid(std::vector<double>{-1, 3, 1, 9}, 1, 2, style);
  CHECK(image.width == 6);
  CHECK(image.height == 6);
  CHECK(pixel(image, 2, 2) == kBlack);
  CHECK(pixel(image, 0, 3) == kWhite);
  CHECK(pixel(image, 3, 0) == Colour{128, 128, 128});
  CHECK(pixel(image, 5, 5) == kWhite);
}

TEST_CASE("colour maps end at their ends, and NaN is seen") {
  for (const ColourMap map :
       {ColourMap::gray, ColourMap::viridis, ColourMap::inferno, ColourMap::diverging}) {
    CHECK(colour_of(map, -5.0) == colour_of(map, 0.0));
    CHECK(colour_of(map, std::numeric_limits<double>::infinity()) == colour_of(map, 1.0));
    CHECK(colour_of(map, std::nan("")) == kNanColour);
  }
  CHECK(colour_of(ColourMap::viridis, 0.0) == Colour{0x44, 0x01, 0x54});
  CHECK(colour_of(ColourMap::viridis, 0.5) == Colour{0x21, 0x91, 0x8c});
  CHECK(colour_of(ColourMap::inferno, 1.0) == Colour{0xfc, 0xff, 0xa4});
  CHECK(colour_of(ColourMap::diverging, 0.5) == Colour{0xf7, 0xf7, 0xf7});
}

TEST_CASE("image_grid refuses what makes no picture") {
  const std::vector<double> values(12);
  CHECK_THROWS_WITH_AS(image_grid(values, 5, 2, {}), doctest::Contains("12 values"), Error);
  CHECK_THROWS_WITH_AS(image_grid({}, 1, 1, {}), doctest::Contains("0 values"), Error);
  CHECK_THROWS_WITH_AS(image_grid(values, 0, 2, {}), doctest::Contains("at least 1"), Error);
  GridStyle style;
  style.upscale = 0;
  CHECK_THROWS_WITH_AS(image_grid(values, 2, 2, style), doctest::Contains("upscale"), Error);
  style = {};
  style.high = style.low;
  CHECK_THROWS_WITH_AS(image_grid(values, 2, 2, style), doctest::Contains("high"), Error);
}

}  // namespace nabla::report
