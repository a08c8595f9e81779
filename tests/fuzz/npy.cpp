#include "io/npy.h"

#include "tests/fuzz/target.h"

using namespace nabla::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::try_input(
      data, size, [](std::span<const std::byte> bytes) { return parse_npy(bytes, fuzz::kName); },
      [](const nabla::Tensor& tensor) {
        fuzz::require_same(parse_npy(encode_npy(tensor), fuzz::kName), tensor);
      });
}
