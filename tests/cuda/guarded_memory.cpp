#include "tests/cuda/guarded_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

namespace nabla::cuda::host {

namespace {

constexpr std::byte kPattern{0xa5};
constexpr std::size_t kAlignment = 16;

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

std::size_t rounded_up(std::size_t n, std::size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace

GuardedMemory::GuardedMemory(std::size_t bytes) {
  const std::size_t page = page_bytes();
  const std::size_t from_end = rounded_up(bytes, kAlignment);
  // At least a few bytes of pattern lie in front.
  const std::size_t inside = rounded_up(from_end + kAlignment, page);
  // Accesses often miss by a row, so the guards are as large as the memory, within reason.
  const std::size_t guard = std::clamp(inside, page, std::size_t{16} << 20);
  void* memory =
      mmap(nullptr, inside + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mapping_ = {static_cast<std::byte*>(memory), inside + 2 * guard};
  inside_ = mapping_.subspan(guard, inside);
  if (mprotect(inside_.data(), inside, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
  bytes_ = inside_.subspan(inside - from_end, bytes);
  std::fill(inside_.begin(), inside_.end(), kPattern);
  std::fill(bytes_.begin(), bytes_.end(), std::byte{0xff});
}

GuardedMemory::~GuardedMemory() {
  if (!mapping_.empty()) munmap(mapping_.data(), mapping_.size());
}

GuardedMemory::GuardedMemory(GuardedMemory&& other) noexcept
    : mapping_(std::exchange(other.mapping_, {})), inside_(other.inside_), bytes_(other.bytes_) {}

void GuardedMemory::make_read_only() { mprotect(inside_.data(), inside_.size(), PROT_READ); }

bool GuardedMemory::is_intact() const {
  const auto is_pattern = [](std::byte b) { return b == kPattern; };
  const std::byte* begin = inside_.data();
  return std::all_of(begin, static_cast<const std::byte*>(bytes_.data()), is_pattern) &&
         std::all_of(static_cast<const std::byte*>(bytes_.data() + bytes_.size()), begin + inside_.size(),
                     is_pattern);
}

bool GuardedMemory::surrounds(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  return mapping_.data() <= at && at < mapping_.data() + mapping_.size();
}

std::string GuardedMemory::place_of(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  if (at < bytes_.data()) return std::to_string(bytes_.data() - at) + " bytes before its begin";
  const std::byte* end = bytes_.data() + bytes_.size();
  if (at >= end) return std::to_string(at - end) + " bytes behind its end";
  return std::to_string(at - bytes_.data()) + " bytes inside";
}

}  // namespace nabla::cuda::host
