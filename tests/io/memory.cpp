#include "tests/io/memory.h"

#include <malloc.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "engine/tensor/buffer.h"

namespace nabla::io::test {
namespace {

std::atomic<std::size_t> live{0}, highest{0};
std::atomic<std::int64_t> until_failure{-1};  // below 0: none is to fail

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (until_failure.load() >= 0 && until_failure.fetch_sub(1) == 0) return nullptr;
  bytes = (bytes + alignment - 1) / alignment * alignment;
  void* const data = std::aligned_alloc(alignment, bytes);
  if (!data) return nullptr;
  const std::size_t now = live += malloc_usable_size(data);
  std::size_t before = highest;
  while (before < now && !highest.compare_exchange_weak(before, now)) {
  }
  return data;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* const data = allocate(bytes, alignment)) return data;
  throw std::bad_alloc();
}

void release(void* data) {
  if (data) live -= malloc_usable_size(data);
  std::free(data);
}

constexpr std::size_t kUsual = alignof(std::max_align_t);

}  // namespace

PeakMemory::PeakMemory() {
  release_memory_cache();
  before_ = live;
  highest = before_;
}
std::size_t PeakMemory::peak() const { return highest - before_; }

FailingAllocation::FailingAllocation(std::size_t allowed) {
  until_failure = static_cast<std::int64_t>(allowed);
}
FailingAllocation::~FailingAllocation() { until_failure = -1; }
bool FailingAllocation::failed() const { return until_failure < 0; }

}  // namespace nabla::io::test

// All of the program's.
void* operator new(std::size_t bytes) {
  return nabla::io::test::allocate_or_throw(bytes, nabla::io::test::kUsual);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return nabla::io::test::allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return nabla::io::test::allocate(bytes, nabla::io::test::kUsual);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return nabla::io::test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* data) noexcept { nabla::io::test::release(data); }
void operator delete(void* data, std::size_t) noexcept { nabla::io::test::release(data); }
void operator delete(void* data, std::align_val_t) noexcept { nabla::io::test::release(data); }
void operator delete(void* data, std::size_t, std::align_val_t) noexcept { nabla::io::test::release(data); }
