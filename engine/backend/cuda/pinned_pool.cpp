#include "engine/backend/cuda/pinned_pool.h"

#include <algorithm>
#include <bit>

namespace nabla::cuda {
namespace {

constexpr std::size_t kLeastBytes = 4096;
constexpr std::size_t kMostTotal = std::size_t{64} << 20;

}  // namespace

std::unique_ptr<PinnedPool::Block> PinnedPool::take(std::size_t bytes) {
  const std::size_t size = std::bit_ceil(std::max(bytes, kLeastBytes));
  const std::lock_guard lock(mutex_);
  const auto fits = [&](const std::unique_ptr<Block>& block) { return block->bytes == size; };
  const auto hand_out = [&](auto at) {
    std::unique_ptr<Block> block = std::move(*at);
    blocks_.erase(at);
    return block;
  };
  const auto oldest = std::ranges::find_if(blocks_, fits);
  if (oldest != blocks_.end()) {
    const cudaError_t status = cudaEventQuery((*oldest)->done.get());
    if (status == cudaSuccess) return hand_out(oldest);
    if (status != cudaErrorNotReady) check(status, "a copy between host and device");
    cudaGetLastError();  // or a library that asks for the last error takes this for one
    if (total_ + size > kMostTotal) {
      check(cudaEventSynchronize((*oldest)->done.get()), "a copy between host and device");
      return hand_out(oldest);
    }
  }
  auto block = std::make_unique<Block>();
  block->done = make_event();
  void* memory = nullptr;
  check(cudaMallocHost(&memory, size), "cudaMallocHost");
  block->data = static_cast<std::byte*>(memory);
  block->bytes = size;
  total_ += size;
  return block;
}

void PinnedPool::give_back(std::unique_ptr<Block> block) {
  const std::lock_guard lock(mutex_);
  blocks_.push_back(std::move(block));
}

}  // namespace nabla::cuda
