#include "examples/mnist_classifier/dataset.h"

#include <span>

#include "engine/tensor/type_text.h"
#include "io/crc32.h"
#include "io/idx.h"

namespace nabla::mnist_classifier {
namespace {

// The file itself or the packed one.
std::filesystem::path find(const std::filesystem::path& directory, const std::string& name) {
  for (const char* ending : {"", ".gz"})
    if (const std::filesystem::path path = directory / (name + ending); std::filesystem::exists(path))
      return path;
  throw Error("'" + directory.string() + "' has neither " + name + " nor " + name +
              ".gz; tools/get-data mnist " + directory.string() + " fetches the files");
}

Images read_images(const std::filesystem::path& directory, const std::string& part) {
  const std::filesystem::path images = find(directory, part + "-images-idx3-ubyte");
  const std::filesystem::path labels = find(directory, part + "-labels-idx1-ubyte");
  Images read{io::read_idx(images), io::read_idx(labels)};
  const Shape& shape = read.levels.shape();
  if (read.levels.dtype() != DType::u8 || shape.rank() != 3 || shape[1] != kSide || shape[2] != kSide ||
      shape[0] < 1)
    throw Error(images.string() + ": " + type_text(read.levels) + " are not images [n, 28, 28] u8");
  if (read.labels.dtype() != DType::u8 || !(read.labels.shape() == Shape{shape[0]}))
    throw Error(labels.string() + ": " + type_text(read.labels) + " are not " + std::to_string(shape[0]) +
                " labels u8, one for each image of " + images.string());
  const std::vector<std::uint8_t> classes = read.labels.to_vector<std::uint8_t>();
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (classes[i] >= kClasses)
      throw Error(labels.string() + ": label " + std::to_string(i + 1) + " is " + std::to_string(classes[i]) +
                  ", not 0 to 9");
  return read;
}

std::string checksum(const Images& images) {
  const std::vector<std::uint8_t> levels = images.levels.to_vector<std::uint8_t>();
  const std::vector<std::uint8_t> labels = images.labels.to_vector<std::uint8_t>();
  return io::Crc32().add(std::as_bytes(std::span(levels))).add(std::as_bytes(std::span(labels))).digits();
}

}  // namespace

Dataset read_dataset(const std::filesystem::path& directory) {
  return {read_images(directory, "train"), read_images(directory, "t10k")};
}

std::string describe(const Dataset& data) {
  return std::to_string(data.training.count()) + " images to train on (" + checksum(data.training) + "), " +
         std::to_string(data.test.count()) + " to test on (" + checksum(data.test) + ")";
}

}  // namespace nabla::mnist_classifier
