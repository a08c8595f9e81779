// Without this nearly every altered .npz would be refused for its checksums, and what lies behind them never
// be reached.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kDirectorySize = 46;

std::size_t load(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t count) {
  std::size_t number = 0;
  for (std::size_t i = count; i-- > 0;) number = number << 8 | bytes[at + i];
  return number;
}

void store_checksum(std::span<std::uint8_t> bytes, std::size_t at, uLong checksum) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::uint8_t>(checksum >> (8 * i));
}

/// Of a stored entry whose line of the directory begins at `at`.
void repair_checksum(std::span<std::uint8_t> bytes, std::size_t at) {
  const std::size_t method = load(bytes, at + 10, 2);
  const std::size_t size = load(bytes, at + 20, 4);
  const std::size_t local = load(bytes, at + 42, 4);
  if (method != 0 || local > bytes.size() || bytes.size() - local < kLocalSize) return;
  const std::size_t begin = local + kLocalSize + load(bytes, local + 26, 2) + load(bytes, local + 28, 2);
  if (begin > bytes.size() || bytes.size() - begin < size) return;
  const uLong checksum = crc32_z(0, bytes.data() + begin, size);
  store_checksum(bytes, at + 16, checksum);
  store_checksum(bytes, local + 14, checksum);
}

void repair_checksums(std::span<std::uint8_t> bytes) {
  constexpr std::size_t kSignature = 0x02014b50;
  for (std::size_t at = 0; at + kDirectorySize <= bytes.size(); ++at) {
    if (load(bytes, at, 4) == kSignature) repair_checksum(bytes, at);
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 4 != 0) repair_checksums({data, size});
  return size;
}
