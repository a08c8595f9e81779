#include "engine/tensor/buffer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "engine/tensor/error.h"

namespace nabla {
namespace {

constexpr std::size_t kAlignment = 64;
// A cache of more than this is pointless: the working set of a step recurs, one-off giants do not.
constexpr std::size_t kCacheLimit = std::size_t{1} << 30;

// Blocks come in sizes with three significant bits, so that at most a quarter is wasted and sizes recur.
std::size_t block_size(std::size_t bytes) {
  bytes = std::max<std::size_t>(bytes, kAlignment);
  const std::size_t step = std::max<std::size_t>(std::bit_floor(bytes) / 4, kAlignment);
  return (bytes + step - 1) / step * step;
}

class BlockCache {
 public:
  std::byte* take(std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    {
      const std::lock_guard lock(mutex_);
      live_ += bytes;
      peak_ = std::max(peak_, live_);
      std::vector<Block>& blocks = cached_[bucket(size)];
      for (std::size_t i = blocks.size(); i-- > 0;) {
        if (blocks[i].size != size) continue;
        std::byte* data = blocks[i].data;
        blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i));
        cached_bytes_ -= size;
        return data;
      }
    }
    void* data = ::operator new (size, std::align_val_t{kAlignment}, std::nothrow);
    if (!data) {
      release();
      data = ::operator new (size, std::align_val_t{kAlignment}, std::nothrow);
    }
    if (!data) {
      const std::lock_guard lock(mutex_);
      live_ -= bytes;
      throw OutOfMemory("memory: cannot allocate " + std::to_string(bytes) + " bytes beside " +
                        std::to_string(live_) + " bytes in use");
    }
    return static_cast<std::byte*>(data);
  }

  void give_back(std::byte* data, std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    {
      const std::lock_guard lock(mutex_);
      live_ -= bytes;
      if (cached_bytes_ + size <= kCacheLimit) {
        cached_[bucket(size)].push_back({data, size});
        cached_bytes_ += size;
        return;
      }
    }
    ::operator delete (data, std::align_val_t{kAlignment});
  }

  void release() {
    const std::lock_guard lock(mutex_);
    for (std::vector<Block>& blocks : cached_) {
      for (const Block& block : blocks) ::operator delete (block.data, std::align_val_t{kAlignment});
      blocks.clear();
    }
    cached_bytes_ = 0;
  }

  MemoryStatistics statistics() {
    const std::lock_guard lock(mutex_);
    return {live_, peak_};
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    peak_ = live_;
  }

 private:
  struct Block {
    std::byte* data;
    std::size_t size;
  };
  static std::size_t bucket(std::size_t size) { return static_cast<std::size_t>(std::bit_width(size)); }

  std::mutex mutex_;
  std::array<std::vector<Block>, 65> cached_;
  std::size_t cached_bytes_ = 0;
  std::size_t live_ = 0;
  std::size_t peak_ = 0;
};

// Never destroyed: tensors with static lifetime may outlive every other object.
BlockCache& cache() {
  static BlockCache& instance = *new BlockCache;
  return instance;
}

// One thread copies a buffer from its device at a time. Buffers share a few locks, so that whoever waits for
// a device hardly ever keeps another thread from giving it more work.
std::mutex& fetch_mutex(const Buffer* buffer) {
  static std::array<std::mutex, 64>& mutexes = *new std::array<std::mutex, 64>;  // like the cache
  return mutexes[std::hash<const Buffer*>{}(buffer) / alignof(std::max_align_t) % mutexes.size()];
}

}  // namespace

Buffer::Buffer(std::size_t bytes) : data_(cache().take(bytes)), bytes_(bytes) {}
Buffer::Buffer(std::unique_ptr<DeviceMemory> memory, std::size_t bytes)
    : data_(nullptr), bytes_(bytes), device_(std::move(memory)) {}
Buffer::~Buffer() {
  if (std::byte* data = data_.load(std::memory_order_acquire)) cache().give_back(data, bytes_);
}

std::byte* Buffer::fetch() const {
  const std::lock_guard lock(fetch_mutex(this));
  if (std::byte* data = data_.load(std::memory_order_acquire)) return data;  // another thread was faster
  std::byte* data = cache().take(bytes_);
  try {
    device_->fetch(data, bytes_);
  } catch (...) {
    cache().give_back(data, bytes_);
    throw;
  }
  data_.store(data, std::memory_order_release);
  return data;
}

void Buffer::forget_host() {
  const std::lock_guard lock(fetch_mutex(this));
  if (device_) device_->cancel_fetch();
  if (std::byte* data = data_.exchange(nullptr)) cache().give_back(data, bytes_);
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

MemoryStatistics memory_statistics() { return cache().statistics(); }
void reset_peak_memory() { cache().reset_peak(); }
void release_memory_cache() { cache().release(); }

}  // namespace nabla
