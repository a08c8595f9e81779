#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/device_memory.h"

namespace nabla::cuda {

/// Gives blocks that are elsewhere in every run a place of their own, so that a captured plan finds all it
/// works on where it was: the results of a loop that are all kept, or what another plan makes anew.
class MovingBlocks {
 public:
  explicit MovingBlocks(std::vector<BoundBlock> blocks);

  /// Where a captured plan works: the places of those that have one, the addresses of the others.
  std::vector<std::byte*> fixed(std::span<std::byte* const> addresses) const;
  /// Looks at the addresses of a run that was not captured: small blocks that move again and again get a
  /// place.
  void note(std::span<std::byte* const> addresses);
  /// Before and after a captured plan runs in place of one on these addresses.
  void copy_in(std::span<std::byte* const> addresses) const;
  void copy_out(std::span<std::byte* const> addresses) const;

 private:
  void copy(std::byte* to, const std::byte* from, std::size_t block) const;

  std::vector<BoundBlock> blocks_;
  std::vector<int> moves_;
  std::vector<std::byte*> last_;
  std::vector<std::unique_ptr<Block>> places_;
};

}  // namespace nabla::cuda
