#include "io/png.h"

#include <doctest/doctest.h>
#include <png.h>

#include "engine/tensor/error.h"
#include "tests/io/scratch.h"

namespace nabla::io {
namespace {

using test::ScratchDirectory;
using test::slurp;

struct Decoded {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool colour = false;
  std::vector<std::uint8_t> pixels;
};

Decoded decode(std::span<const std::uint8_t> encoded) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  REQUIRE(png_image_begin_read_from_memory(&image, encoded.data(), encoded.size()) != 0);
  Decoded decoded{image.width, image.height, (image.format & PNG_FORMAT_FLAG_COLOR) != 0, {}};
  image.format = decoded.colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  decoded.pixels.resize(PNG_IMAGE_SIZE(image));
  REQUIRE(png_image_finish_read(&image, nullptr, decoded.pixels.data(), 0, nullptr) != 0);
  return decoded;
}

std::vector<std::uint8_t> some_pixels(std::size_t count) {
  std::vector<std::uint8_t> pixels(count);
  for (std::size_t i = 0; i < count; ++i) pixels[i] = static_cast<std::uint8_t>(37 * i + i / 11);
  return pixels;
}

}  // namespace

TEST_CASE("encode_png keeps every pixel of gray and colour images") {
  for (const int channels : {1, 3}) {
    for (const auto& [width, height] : {std::pair{1, 1}, {7, 5}, {300, 2}}) {
      CAPTURE(channels);
      CAPTURE(width);
      const auto pixels = some_pixels(static_cast<std::size_t>(width * height * channels));
      const Decoded decoded = decode(encode_png(width, height, channels, pixels));
      CHECK(decoded.width == width);
      CHECK(decoded.height == height);
      CHECK(decoded.colour == (channels == 3));
      CHECK(decoded.pixels == pixels);
    }
  }
}

TEST_CASE("write_png writes the encoded image") {
  const ScratchDirectory scratch;
  const auto pixels = some_pixels(12);
  write_png(scratch / "a.png", 4, 3, 1, pixels);
  const auto encoded = encode_png(4, 3, 1, pixels);
  CHECK(slurp(scratch / "a.png") == std::string(encoded.begin(), encoded.end()));
  CHECK(scratch.file_count() == 1);
}

TEST_CASE("encode_png refuses sizes that do not fit") {
  const auto pixels = some_pixels(12);
  CHECK_THROWS_WITH_AS(encode_png(4, 3, 2, pixels), doctest::Contains("channels must be 1 or 3"), Error);
  CHECK_THROWS_WITH_AS(encode_png(0, 3, 1, {}), doctest::Contains("between 1 and"), Error);
  CHECK_THROWS_WITH_AS(encode_png(4, -3, 1, pixels), doctest::Contains("[-3, 4, 1]"), Error);
  CHECK_THROWS_WITH_AS(encode_png(2'000'000, 1, 1, pixels), doctest::Contains("between 1 and"), Error);
  CHECK_THROWS_WITH_AS(encode_png(4, 3, 3, pixels), doctest::Contains("has 36 bytes, got 12"), Error);
}

TEST_CASE("write_png names a path it cannot write") {
  const auto pixels = some_pixels(12);
  CHECK_THROWS_WITH_AS(write_png("/proc/a.png", 4, 3, 1, pixels), doctest::Contains("/proc/a.png"), Error);
}

}  // namespace nabla::io
