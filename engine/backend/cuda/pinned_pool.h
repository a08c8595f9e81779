#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/backend/cuda/handle.h"

namespace nabla::cuda {

/// Page-locked host memory, through which all copies between host and device go: only such copies run beside
/// the host. A block is used again once the copy that last used it is done.
class PinnedPool {
 public:
  /// The largest block; longer copies go in pieces.
  static constexpr std::size_t kMostBytes = std::size_t{8} << 20;

  struct Block {
    std::byte* data = nullptr;
    std::size_t bytes = 0;
    Event done;  ///< recorded behind the copy that uses it
  };
  /// A block of at least `bytes` (<= kMostBytes) that no copy uses. Waits for one only where more than a few
  /// dozen MiB are under way.
  std::unique_ptr<Block> take(std::size_t bytes);
  /// From the moment at which `done` was recorded.
  void give_back(std::unique_ptr<Block> block);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> blocks_;  // the one given back first comes first
  std::size_t total_ = 0;
};

}  // namespace nabla::cuda
