#include "io/cifar.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "io/gzip_stream.h"
#include "io/input.h"
#include "io/out_of_memory.h"

namespace nabla::io {
namespace {

// A file is records of one byte for the class and 1024 bytes for each of red, green and blue, rows from the
// top.
constexpr std::string_view kReadCifar10 = "read_cifar10";
constexpr std::size_t kImageBytes = 3 * 32 * 32;
constexpr std::size_t kRecordBytes = 1 + kImageBytes;
constexpr std::uint8_t kCifar10Classes = 10;

Cifar10Images read_records(const std::string& name, ByteStream& stream) {
  std::vector<std::byte> record;
  std::vector<std::uint8_t> images, labels;
  for (std::uint64_t begin = 0;; begin += kRecordBytes) {
    record.clear();
    stream.append(record, kRecordBytes);
    const Input input{kReadCifar10, name, record};
    if (record.empty() && begin == 0) input.fail(0, "the file has no images");
    if (record.empty()) break;
    const auto label = std::to_integer<std::uint8_t>(record[0]);
    if (label >= kCifar10Classes)
      input.fail(begin, "the class " + std::to_string(label) + " is not one of 0 to 9");
    if (record.size() < kRecordBytes) input.fail(begin + record.size(), "the file ends inside an image");
    if (static_cast<std::int64_t>(labels.size()) == kMaxCifar10Images)
      input.fail(begin, "there are more than " + std::to_string(kMaxCifar10Images) + " images");
    labels.push_back(label);
    std::transform(record.begin() + 1, record.end(), std::back_inserter(images),
                   [](std::byte level) { return std::to_integer<std::uint8_t>(level); });
  }
  const auto count = static_cast<std::int64_t>(labels.size());
  return {tensor(images, Shape{count, 3, 32, 32}), tensor(labels, Shape{count})};
}

}  // namespace

Cifar10Images parse_cifar10(std::span<const std::byte> bytes, const std::string& name) {
  MemoryStream stream(bytes);
  return telling_shortage(kReadCifar10, name, [&] { return read_records(name, stream); });
}

Cifar10Images read_cifar10(const std::filesystem::path& path) {
  GzipStream stream(kReadCifar10, path);
  return telling_shortage(kReadCifar10, path.string(), [&] { return read_records(path.string(), stream); });
}

}  // namespace nabla::io
