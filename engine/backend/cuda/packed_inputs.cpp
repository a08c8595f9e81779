#include "engine/backend/cuda/packed_inputs.h"

#include <cstring>

namespace nabla::cuda {
namespace {

constexpr std::size_t kMostBytes = 4096;
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kNotPacked = static_cast<std::size_t>(-1);

}  // namespace

PackedInputs::PackedInputs(std::span<const BoundBlock> blocks) {
  std::size_t total = 0;
  for (const BoundBlock& block : blocks) {
    const bool is_packed = block.use == BoundBlock::Use::read && block.bytes <= kMostBytes;
    places_.push_back(is_packed ? total : kNotPacked);
    if (is_packed) total += (block.bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  elements_.resize(total);
}

void PackedInputs::bring(std::span<Buffer* const> buffers, std::span<std::byte*> addresses) {
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (!buffers[i]) continue;
    if (places_[i] == kNotPacked || buffers[i]->on_device()) {
      addresses[i] = on_device(*buffers[i]);
      continue;
    }
    if (!on_device_) {
      on_device_ = std::make_unique<Block>(elements_.size());
      is_current_ = false;
    }
    addresses[i] = on_device_->address() + places_[i];
    std::byte* const last = elements_.data() + places_[i];
    const std::byte* const now = buffers[i]->data();
    if (std::memcmp(last, now, buffers[i]->bytes()) == 0) continue;
    std::memcpy(last, now, buffers[i]->bytes());
    is_current_ = false;
  }
  if (is_current_) return;
  upload(on_device_->address(), elements_.data(), elements_.size());
  is_current_ = true;
}

}  // namespace nabla::cuda
