#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <set>

namespace nabla::cuda {

/// Device memory in blocks that are used again. All work runs in the order of one stream, so a block that was
/// given back may be handed out at once: whatever still uses it comes before whatever will. Of the free
/// blocks of a size the one at the lowest address is taken, so that addresses depend on what is live and not
/// on what came before: they recur from step to step, which is what makes captured plans last.
class BlockPool {
 public:
  /// A block of at least this many bytes, 256-byte aligned, with unspecified contents.
  /// @throws OutOfMemory where the device has none, not even after cached blocks were freed.
  std::byte* take(std::size_t bytes);
  void give_back(std::byte* block, std::size_t bytes);
  /// What is asked to give blocks back before take() gives up.
  void on_shortage(void (*give_up)()) { give_up_ = give_up; }
  /// Frees what is cached; waits for the device.
  void release();

  struct Statistics {
    std::size_t live_bytes;      ///< asked for and not given back
    std::size_t peak_bytes;      ///< the most of it so far
    std::size_t reserved_bytes;  ///< held from the driver
  };
  Statistics statistics();

 private:
  std::byte* cached(std::size_t size);
  void release_cached();

  std::atomic<void (*)()> give_up_ = nullptr;
  std::mutex mutex_;
  std::map<std::size_t, std::set<std::byte*>> free_;  // by size
  std::size_t live_ = 0;
  std::size_t peak_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace nabla::cuda
