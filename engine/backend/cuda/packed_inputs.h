#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/device_memory.h"

namespace nabla::cuda {

/// Copies what a plan reads to the device. Small values that the host has (a time, a learning rate, a key) go
/// up in one copy to a place of the plan's own: those that have changed, and what lies between them.
class PackedInputs {
 public:
  explicit PackedInputs(std::span<const BoundBlock> blocks);
  /// As StepRunner::locate.
  void locate(std::span<Buffer* const> buffers, std::span<std::byte*> addresses);

 private:
  std::vector<std::size_t> places_;   // of small blocks in what follows
  std::vector<std::size_t> bytes_;    // of the blocks: of a larger buffer no more is read
  std::vector<std::byte> elements_;   // as they went up last
  std::unique_ptr<Block> on_device_;  // from the first that goes up on
  // What has not gone up yet: a run may fail before it does.
  std::size_t stale_begin_ = 0, stale_end_ = 0;
};

}  // namespace nabla::cuda
