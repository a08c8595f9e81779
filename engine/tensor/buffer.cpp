#include "engine/tensor/buffer.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <mutex>
#include <utility>

#include "engine/tensor/block_cache.h"

namespace nabla {
namespace {

// One thread copies a buffer from its device at a time. Buffers share a few locks, so that whoever waits for
// a device hardly ever keeps another thread from giving it more work.
std::mutex& fetch_mutex(const Buffer* buffer) {
  static std::array<std::mutex, 64>& mutexes = *new std::array<std::mutex, 64>;  // like BlockCache
  return mutexes[std::hash<const Buffer*>{}(buffer) / alignof(std::max_align_t) % mutexes.size()];
}

}  // namespace

Buffer::Buffer(std::size_t bytes) : data_(BlockCache::instance().take(bytes)), bytes_(bytes) {}
Buffer::Buffer(std::shared_ptr<std::byte> memory, std::size_t bytes)
    : data_(memory.get()), bytes_(bytes), lent_(std::move(memory)) {}
Buffer::Buffer(std::unique_ptr<DeviceMemory> memory, std::size_t bytes)
    : data_(nullptr), bytes_(bytes), device_(std::move(memory)) {}
Buffer::~Buffer() {
  if (std::byte* data = data_.load(std::memory_order_acquire)) release_host(data);
}

void Buffer::release_host(std::byte* data) {
  if (lent_)
    lent_ = nullptr;
  else
    BlockCache::instance().give_back(data, bytes_);
}

std::byte* Buffer::fetch() const {
  const std::lock_guard lock(fetch_mutex(this));
  if (std::byte* data = data_.load(std::memory_order_acquire)) return data;  // another thread was faster
  std::byte* data = BlockCache::instance().take(bytes_);
  try {
    device_->fetch(data, bytes_);
  } catch (...) {
    BlockCache::instance().give_back(data, bytes_);
    throw;
  }
  data_.store(data, std::memory_order_release);
  return data;
}

void Buffer::forget_host() {
  const std::lock_guard lock(fetch_mutex(this));
  if (device_) device_->cancel_fetch();
  if (std::byte* data = data_.exchange(nullptr)) release_host(data);
}

void Buffer::start_fetch() {
  const std::lock_guard lock(fetch_mutex(this));
  if (!data_.load(std::memory_order_acquire)) device_->start_fetch();
}

std::shared_ptr<Buffer> Buffer::clone() const {
  if (device_) return std::make_shared<Buffer>(device_->clone(), bytes_);
  auto copy = std::make_shared<Buffer>(bytes_);
  std::memcpy(copy->data(), data(), bytes_);
  return copy;
}

}  // namespace nabla
