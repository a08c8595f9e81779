#include "io/npz.h"

#include "tests/fuzz/target.h"

using namespace nabla::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::try_input(
      data, size, [](std::span<const std::byte> bytes) { return parse_npz(bytes, fuzz::kName); },
      [](const std::vector<nabla::NamedTensor>& tensors) {
        fuzz::require_same(parse_npz(encode_npz(tensors), fuzz::kName), tensors);
      });
}
