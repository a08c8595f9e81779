#include "engine/tensor/block_cache.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "engine/tensor/error.h"

namespace nabla {
namespace {

constexpr std::size_t kBlockAlignment = 64;
// The working set of a step recurs, one-off giants do not.
constexpr std::size_t kMostBytes = std::size_t{1} << 30;
// Less than this is kept for good, and whatever is live.
constexpr std::size_t kSmallCache = std::size_t{16} << 20;
// Blocks of several sizes that are never live at once may make a working set.
constexpr std::size_t kTimesRecentPeak = 4;
constexpr std::chrono::seconds kPeriod{1};

// Blocks come in sizes with three significant bits, so that at most a quarter is wasted and sizes recur.
std::size_t block_size(std::size_t bytes) {
  bytes = std::max<std::size_t>(bytes, kBlockAlignment);
  const std::size_t step = std::max<std::size_t>(std::bit_floor(bytes) / 4, kBlockAlignment);
  return (bytes + step - 1) / step * step;
}
std::size_t number_of(std::size_t size) {
  const std::size_t width = std::bit_width(size);
  return 4 * width + (size >> (width - 3)) % 4;
}

void* allocate(std::size_t size) {
  return ::operator new (size, std::align_val_t{kBlockAlignment}, std::nothrow);
}
void deallocate(void* data) { ::operator delete (data, std::align_val_t{kBlockAlignment}); }

std::size_t most_bytes() {
  const char* const set = std::getenv("NABLAFLOW_CACHE_BYTES");
  if (!set) return kMostBytes;
  const std::string_view text = set;
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error("memory: NABLAFLOW_CACHE_BYTES is '" + std::string(text) + "', which is no number of bytes");
  return bytes;
}

// What the C++ library calls before it gives up: it tries again where this returns.
void give_back_on_pressure() {
  if (BlockCache::instance().release() == 0) throw std::bad_alloc();
}

}  // namespace

// Never destroyed: tensors with static lifetime may outlive every other object.
BlockCache& BlockCache::instance() {
  static BlockCache& cache = *new BlockCache;
  return cache;
}

// A handler that the program has set is its own affair.
BlockCache::BlockCache() : most_bytes_(most_bytes()) {
  if (!std::get_new_handler()) std::set_new_handler(&give_back_on_pressure);
}

std::byte* BlockCache::take(std::size_t bytes) {
  const std::size_t size = block_size(bytes);
  {
    const std::lock_guard lock(mutex_);
    live_ += bytes;
    peak_ = std::max(peak_, live_);
    recent_peaks_[0] = std::max(recent_peaks_[0], live_);
    Block*& first = cached_[number_of(size)];
    if (first) {
      cached_bytes_ -= size;
      return reinterpret_cast<std::byte*>(std::exchange(first, first->next));
    }
  }
  void* data = allocate(size);
  if (!data && release() > 0) data = allocate(size);
  if (!data) {
    const std::lock_guard lock(mutex_);
    live_ -= bytes;
    throw OutOfMemory("memory: cannot allocate " + std::to_string(bytes) + " bytes beside " +
                      std::to_string(live_) + " bytes in use");
  }
  return static_cast<std::byte*>(data);
}

void BlockCache::give_back(std::byte* data, std::size_t bytes) noexcept {
  const std::size_t size = block_size(bytes);
  std::unique_lock lock(mutex_);
  live_ -= bytes;
  if (cached_bytes_ + size > limit()) {
    lock.unlock();
    return deallocate(data);
  }
  Block*& first = cached_[number_of(size)];
  first = new (data) Block{first, size, period_};
  cached_bytes_ += size;
  if (cached_bytes_ <= kSmallCache || std::exchange(releases_with_time_, true)) return;
  lock.unlock();
  start_release_with_time();
}

std::size_t BlockCache::limit() const {
  const std::size_t peak = std::max(recent_peaks_[0], recent_peaks_[1]);
  return std::min(most_bytes_, std::max(kSmallCache, kTimesRecentPeak * peak));
}

std::size_t BlockCache::release() noexcept {
  std::unique_lock lock(mutex_);
  const Unlinked unlinked = unlink_given_before(UINT64_MAX);
  lock.unlock();
  return deallocate_all(unlinked);
}

// Blocks given back last come first, so those that are old enough are the end of a list.
BlockCache::Unlinked BlockCache::unlink_given_before(std::uint64_t period) {
  Unlinked unlinked;
  for (Block*& first : cached_) {
    Block** end = &first;
    while (*end && (*end)->period >= period) end = &(*end)->next;
    for (Block* block = std::exchange(*end, nullptr); block;) {
      cached_bytes_ -= block->size;
      unlinked.bytes += block->size;
      unlinked.blocks = std::exchange(block, std::exchange(block->next, unlinked.blocks));
    }
  }
  return unlinked;
}

std::size_t BlockCache::deallocate_all(const Unlinked& unlinked) {
  for (Block* block = unlinked.blocks; block;) deallocate(std::exchange(block, block->next));
#ifdef __GLIBC__
  if (unlinked.bytes > kSmallCache) malloc_trim(0);  // it keeps blocks of up to 32 MB otherwise
#endif
  return unlinked.bytes;
}

// Where the system gives no thread nothing large is kept.
void BlockCache::start_release_with_time() noexcept {
  try {
    std::thread([this] { release_with_time(); }).detach();
  } catch (const std::exception&) {
    release();
    const std::lock_guard lock(mutex_);
    releases_with_time_ = false;
  }
}

void BlockCache::release_with_time() {
  for (bool goes_on = true; goes_on;) {
    std::this_thread::sleep_for(kPeriod);
    std::unique_lock lock(mutex_);
    const Unlinked unused = unlink_given_before(period_);
    ++period_;
    recent_peaks_ = {live_, recent_peaks_[0]};
    goes_on = releases_with_time_ = cached_bytes_ > kSmallCache;
    lock.unlock();
    deallocate_all(unused);
  }
}

MemoryStatistics BlockCache::statistics() const {
  const std::lock_guard lock(mutex_);
  return {live_, peak_, cached_bytes_};
}

void BlockCache::reset_peak() {
  const std::lock_guard lock(mutex_);
  peak_ = live_;
}

MemoryStatistics memory_statistics() { return BlockCache::instance().statistics(); }
void reset_peak_memory() { BlockCache::instance().reset_peak(); }
void release_memory_cache() { BlockCache::instance().release(); }

}  // namespace nabla
