#include "io/png.h"

#include <png.h>

#include <cstddef>
#include <string>

#include "engine/tensor/error.h"
#include "io/atomic_file.h"

namespace nabla::io {
namespace {

// libpng's own default for the sizes it reads back without being asked.
constexpr std::int64_t kMaxSide = 1'000'000;

void check_sizes(std::int64_t width, std::int64_t height, int channels, std::size_t bytes) {
  const std::string shape =
      "[" + std::to_string(height) + ", " + std::to_string(width) + ", " + std::to_string(channels) + "]";
  if (channels != 1 && channels != 3) {
    throw Error("encode_png: channels must be 1 or 3, the image is " + shape);
  }
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    throw Error("encode_png: width and height must be between 1 and " + std::to_string(kMaxSide) +
                ", the image is " + shape);
  }
  const std::int64_t expected = width * height * channels;
  if (bytes != static_cast<std::size_t>(expected)) {
    throw Error("encode_png: an image " + shape + " has " + std::to_string(expected) + " bytes, got " +
                std::to_string(bytes));
  }
}

[[noreturn]] void fail(const png_image& image) {
  throw Error(std::string("encode_png: libpng says: ") + image.message);
}

}  // namespace

std::vector<std::uint8_t> encode_png(std::int64_t width, std::int64_t height, int channels,
                                     std::span<const std::uint8_t> pixels) {
  check_sizes(width, height, channels, pixels.size());
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;

  // The bound is generous, so one pass is enough; the call then reports how much it really wrote.
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::uint8_t> encoded(size);
  if (png_image_write_to_memory(&image, encoded.data(), &size, 0, pixels.data(), 0, nullptr) == 0)
    fail(image);
  encoded.resize(size);
  return encoded;
}

void write_png(const std::filesystem::path& path, std::int64_t width, std::int64_t height, int channels,
               std::span<const std::uint8_t> pixels) {
  const std::vector<std::uint8_t> encoded = encode_png(width, height, channels, pixels);
  write_file(path, std::as_bytes(std::span(encoded)));
}

}  // namespace nabla::io
