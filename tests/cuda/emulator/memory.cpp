#include "tests/cuda/emulator/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace nabla::cuda::emulator {

namespace {

constexpr std::byte kPattern{0xa5};
constexpr std::size_t kAlignment = 256;
constexpr std::size_t kLargestGap = std::size_t{16} << 20;

std::size_t page() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}
std::size_t rounded_up(std::size_t n, std::size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
std::uintptr_t number_of(const void* pointer) { return std::bit_cast<std::uintptr_t>(pointer); }

}  // namespace

MemoryPool::MemoryPool(std::size_t reserved_bytes, bool is_hidden)
    : is_hidden_(is_hidden), reserved_bytes_(reserved_bytes) {
  void* memory = mmap(nullptr, reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  reserved_ = static_cast<std::byte*>(memory);
}

void* MemoryPool::allocate(std::size_t bytes) {
  const std::size_t from_end = rounded_up(bytes, kAlignment);
  const std::size_t page_bytes = rounded_up(from_end, page());
  const std::size_t gap = std::min(page_bytes, kLargestGap);
  if (page_bytes + 2 * gap > reserved_bytes_ - used_) return nullptr;
  std::byte* pages = reserved_ + used_ + gap;
  if (mprotect(pages, page_bytes, PROT_READ | PROT_WRITE) != 0) return nullptr;
  used_ += page_bytes + gap;
  std::byte* begin = pages + page_bytes - from_end;
  std::fill(pages, pages + page_bytes, kPattern);
  std::fill(begin, begin + bytes, std::byte{0xff});
  if (is_hidden_) mprotect(pages, page_bytes, PROT_NONE);
  blocks_[number_of(begin)] = {bytes, pages, page_bytes, false};
  live_bytes_ += bytes;
  return begin;
}

bool MemoryPool::free(void* pointer) {
  const auto at = blocks_.find(number_of(pointer));
  if (at == blocks_.end()) return false;
  live_bytes_ -= at->second.bytes;
  mprotect(at->second.pages, at->second.page_bytes, PROT_NONE);
  madvise(at->second.pages, at->second.page_bytes, MADV_DONTNEED);
  blocks_.erase(at);
  return true;
}

MemoryPool::Blocks::const_iterator MemoryPool::find(const void* pointer) const {
  auto at = blocks_.upper_bound(number_of(pointer));
  if (at == blocks_.begin()) return blocks_.end();
  --at;
  return number_of(pointer) - at->first < at->second.bytes ? at : blocks_.end();
}

std::size_t MemoryPool::bytes_from(const void* pointer) const {
  const auto at = find(pointer);
  return at == blocks_.end() ? 0 : at->second.bytes - (number_of(pointer) - at->first);
}

bool MemoryPool::holds(const void* pointer, std::size_t bytes) const {
  return bytes > 0 && bytes_from(pointer) >= bytes;
}

bool MemoryPool::owns(const void* pointer) const {
  return number_of(pointer) - number_of(reserved_) < reserved_bytes_;
}

bool MemoryPool::is_intact(std::uintptr_t begin, const Block& block) {
  const auto is_pattern = [](std::byte b) { return b == kPattern; };
  const auto front = static_cast<std::size_t>(begin - number_of(block.pages));
  const std::size_t back = front + block.bytes;
  return std::all_of(block.pages, block.pages + front, is_pattern) &&
         std::all_of(block.pages + back, block.pages + block.page_bytes, is_pattern);
}

bool MemoryPool::reach(const void* pointer, std::size_t bytes) {
  if (!holds(pointer, bytes)) return false;
  const std::uintptr_t begin = find(pointer)->first;
  Block& block = blocks_.find(begin)->second;
  if (!std::exchange(block.is_within_reach, true)) {
    within_reach_.push_back(begin);
    if (is_hidden_) mprotect(block.pages, block.page_bytes, PROT_READ | PROT_WRITE);
  }
  return true;
}

std::string MemoryPool::close() {
  std::string complaint;
  for (const std::uintptr_t begin : std::exchange(within_reach_, {})) {
    Block& block = blocks_.find(begin)->second;
    block.is_within_reach = false;
    if (!is_intact(begin, block)) {
      complaint = "something wrote beside an allocation of " + std::to_string(block.bytes) + " bytes";
      const std::size_t front = begin - number_of(block.pages);
      std::fill(block.pages, block.pages + front, kPattern);
      std::fill(block.pages + front + block.bytes, block.pages + block.page_bytes, kPattern);
    }
    if (is_hidden_) mprotect(block.pages, block.page_bytes, PROT_NONE);
  }
  return complaint;
}

// The pools live as long as the program: objects that are destroyed at its end may still free memory.
MemoryPool& device_memory() {
  static auto& instance = *new MemoryPool(std::size_t{1} << 39, true);
  return instance;
}
MemoryPool& host_memory() {
  static auto& instance = *new MemoryPool(std::size_t{1} << 37, false);
  return instance;
}

}  // namespace nabla::cuda::emulator
