#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "engine/tensor/buffer.h"

// Where Buffer takes host memory from.

namespace nabla {

/// Blocks that were given back, kept for the next one of their size, because the blocks of a step recur.
/// They go back to the system when they have not been used for a second, where they come to much more than
/// what was live of late or to more than NABLAFLOW_CACHE_BYTES (in the environment; 1 GiB), and when an
/// allocation of the process would fail.
class BlockCache {
 public:
  static BlockCache& instance();

  /// 64-byte aligned memory with unspecified contents.
  /// @throws OutOfMemory where the system has none, also after the cache has been released.
  std::byte* take(std::size_t bytes);
  /// Takes back what take(bytes) gave.
  void give_back(std::byte* data, std::size_t bytes) noexcept;
  /// Returns all cached blocks to the system, and how many bytes that were.
  std::size_t release() noexcept;

  MemoryStatistics statistics() const;
  void reset_peak();

  /// Its lock, for whoever forks; the child, in which no thread releases with time, says so under it.
  std::mutex& mutex() { return mutex_; }
  void continue_in_child() { releases_with_time_ = false; }

 private:
  // What a cached block begins with.
  struct Block {
    Block* next;
    std::size_t size;
    std::uint64_t period;  // of being given back
  };
  struct Unlinked {
    Block* blocks = nullptr;
    std::size_t bytes = 0;
  };

  BlockCache();
  std::size_t limit() const;
  Unlinked unlink_given_before(std::uint64_t period);
  static std::size_t deallocate_all(const Unlinked& unlinked);
  void start_release_with_time() noexcept;
  void release_with_time();

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;          // nothing is allocated under it
  std::array<Block*, 260> cached_{};  // by size, the one given back last first
  std::size_t cached_bytes_ = 0;
  std::size_t live_ = 0;
  std::size_t peak_ = 0;
  std::uint64_t period_ = 0;
  std::array<std::size_t, 2> recent_peaks_{};  // of the present period and of the one before
  bool releases_with_time_ = false;            // a thread does
};

}  // namespace nabla
