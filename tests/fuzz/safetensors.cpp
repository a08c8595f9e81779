#include "io/safetensors.h"

#include "tests/fuzz/target.h"

using namespace nabla::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::try_input(
      data, size, [](std::span<const std::byte> bytes) { return parse_safetensors(bytes, fuzz::kName); },
      [](const Safetensors& content) {
        // The order in the file may change once, but not again.
        const std::vector<std::byte> bytes = encode_safetensors(content);
        const Safetensors again = parse_safetensors(bytes, fuzz::kName, Checksums::required);
        fuzz::require(again.metadata == content.metadata);
        fuzz::require(encode_safetensors(again) == bytes);

        const auto by_name = [](Safetensors file) {
          std::ranges::sort(file.tensors, {}, &nabla::NamedTensor::name);
          return file.tensors;
        };
        fuzz::require_same(by_name(again), by_name(content));
      });
}
