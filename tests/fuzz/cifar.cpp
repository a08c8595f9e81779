#include "io/cifar.h"

#include "tests/fuzz/target.h"

using namespace nabla::io;

namespace {

std::vector<std::byte> encode(const Cifar10Images& read) {
  const std::span<const std::byte> images = bytes_of(read.images), labels = bytes_of(read.labels);
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    bytes.push_back(labels[i]);
    const auto image = images.subspan(i * 3072, 3072);
    bytes.insert(bytes.end(), image.begin(), image.end());
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::try_input(
      data, size, [](std::span<const std::byte> bytes) { return parse_cifar10(bytes, fuzz::kName); },
      [](const Cifar10Images& read) {
        const Cifar10Images again = parse_cifar10(encode(read), fuzz::kName);
        fuzz::require_same(again.images, read.images);
        fuzz::require_same(again.labels, read.labels);
      });
}
