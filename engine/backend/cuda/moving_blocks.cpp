#include "engine/backend/cuda/moving_blocks.h"

#include <utility>

namespace nabla::cuda {
namespace {

// A loop may alternate between two sets of addresses; a third says that there will be more.
constexpr int kMostMoves = 2;
// A larger block would take longer to copy than a plan gains by being captured.
constexpr std::size_t kMostMovedBytes = std::size_t{1} << 20;

using Use = BoundBlock::Use;

}  // namespace

MovingBlocks::MovingBlocks(std::vector<BoundBlock> blocks)
    : blocks_(std::move(blocks)), moves_(blocks_.size()), places_(blocks_.size()) {}

std::vector<std::byte*> MovingBlocks::fixed(std::span<std::byte* const> addresses) const {
  std::vector<std::byte*> fixed_addresses(addresses.begin(), addresses.end());
  for (std::size_t i = 0; i < fixed_addresses.size(); ++i)
    if (places_[i]) fixed_addresses[i] = places_[i]->address();
  return fixed_addresses;
}

void MovingBlocks::note(std::span<std::byte* const> addresses) {
  for (std::size_t i = 0; i < last_.size(); ++i) {
    const BoundBlock& block = blocks_[i];
    const bool may_be_copied =
        (block.use == Use::input || block.use == Use::output) && block.bytes <= kMostMovedBytes;
    if (places_[i] || !may_be_copied || addresses[i] == last_[i] || ++moves_[i] <= kMostMoves) continue;
    places_[i] = std::make_unique<Block>(block.bytes);
  }
  last_.assign(addresses.begin(), addresses.end());
}

void MovingBlocks::copy_in(std::span<std::byte* const> addresses) const {
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (places_[i] && blocks_[i].use == Use::input) copy(places_[i]->address(), addresses[i], i);
}

void MovingBlocks::copy_out(std::span<std::byte* const> addresses) const {
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (places_[i] && blocks_[i].use == Use::output) copy(addresses[i], places_[i]->address(), i);
}

void MovingBlocks::copy(std::byte* to, const std::byte* from, std::size_t block) const {
  check(
      cudaMemcpyAsync(to, from, blocks_[block].bytes, cudaMemcpyDeviceToDevice, Context::instance().stream()),
      "a copy on the device");
}

}  // namespace nabla::cuda
