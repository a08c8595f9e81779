#include "engine/backend/cuda/packed_inputs.h"

#include <algorithm>
#include <cstring>

namespace nabla::cuda {
namespace {

constexpr std::size_t kMostPackedBytes = 4096;
constexpr std::size_t kPlaceAlignment = 64;
constexpr std::size_t kNotPacked = -1;

}  // namespace

PackedInputs::PackedInputs(std::span<const BoundBlock> blocks) {
  std::size_t total = 0;
  for (const BoundBlock& block : blocks) {
    const bool is_packed = block.use == BoundBlock::Use::input && block.bytes <= kMostPackedBytes;
    places_.push_back(is_packed ? total : kNotPacked);
    bytes_.push_back(block.bytes);
    if (is_packed) total += (block.bytes + kPlaceAlignment - 1) / kPlaceAlignment * kPlaceAlignment;
  }
  elements_.resize(total);
  stale_begin_ = total;
}

void PackedInputs::locate(std::span<Buffer* const> buffers, std::span<std::byte*> addresses) {
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (!buffers[i]) continue;
    if (places_[i] == kNotPacked || buffers[i]->on_device()) {
      addresses[i] = on_device(*buffers[i]);
      continue;
    }
    if (!on_device_) {
      on_device_ = std::make_unique<Block>(elements_.size());
      stale_begin_ = 0;
      stale_end_ = elements_.size();
    }
    addresses[i] = on_device_->address() + places_[i];
    const std::size_t bytes = bytes_[i];
    std::byte* const last = elements_.data() + places_[i];
    const std::byte* const now = buffers[i]->data();
    if (std::memcmp(last, now, bytes) == 0) continue;
    std::memcpy(last, now, bytes);
    stale_begin_ = std::min(stale_begin_, places_[i]);
    stale_end_ = std::max(stale_end_, places_[i] + bytes);
  }
  if (stale_begin_ >= stale_end_) return;
  upload(on_device_->address() + stale_begin_, elements_.data() + stale_begin_, stale_end_ - stale_begin_);
  stale_begin_ = elements_.size();
  stale_end_ = 0;
}

}  // namespace nabla::cuda
