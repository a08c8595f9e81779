#include "engine/backend/cuda/block_pool.h"

#include <algorithm>
#include <bit>
#include <string>

#include "engine/backend/cuda/check.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

constexpr std::size_t kAlignment = 256;

constexpr std::size_t kLarge = std::size_t{64} << 20;

// Sizes with three significant bits, so that sizes recur, at the cost of a quarter at most; with six where a
// quarter would be much.
std::size_t block_size(std::size_t bytes) {
  bytes = std::max(bytes, kAlignment);
  const std::size_t step = std::max(std::bit_floor(bytes) / (bytes < kLarge ? 4 : 32), kAlignment);
  return (bytes + step - 1) / step * step;
}

}  // namespace

std::byte* BlockPool::take(std::size_t bytes) {
  const std::size_t size = block_size(bytes);
  std::unique_lock lock(mutex_);
  std::byte* block = cached(size);
  if (!block) {
    void* memory = nullptr;
    cudaError_t status = cudaMalloc(&memory, size);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      if (void (*const give_up)() = give_up_) {
        lock.unlock();
        give_up();
        lock.lock();
      }
      release_cached();
      status = cudaMalloc(&memory, size);
    }
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      std::size_t available = 0;
      std::size_t total = 0;
      cudaMemGetInfo(&available, &total);
      throw OutOfMemory("cuda: cannot allocate " + std::to_string(bytes) + " bytes beside " +
                        std::to_string(live_) + " bytes in use; the device has " + std::to_string(available) +
                        " of " + std::to_string(total) + " bytes free");
    }
    check(status, "cudaMalloc");
    block = static_cast<std::byte*>(memory);
    reserved_ += size;
  }
  live_ += bytes;
  peak_ = std::max(peak_, live_);
  return block;
}

std::byte* BlockPool::cached(std::size_t size) {
  const auto same_size = free_.find(size);
  if (same_size == free_.end() || same_size->second.empty()) return nullptr;
  std::byte* const block = *same_size->second.begin();
  same_size->second.erase(same_size->second.begin());
  return block;
}

void BlockPool::give_back(std::byte* block, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  free_[block_size(bytes)].insert(block);
  live_ -= bytes;
}

void BlockPool::release() {
  const std::lock_guard lock(mutex_);
  release_cached();
}

void BlockPool::release_cached() {
  cudaDeviceSynchronize();  // cudaFree need not wait for the work that uses the block
  for (auto& [size, blocks] : free_) {
    for (std::byte* block : blocks) {
      cudaFree(block);
      reserved_ -= size;
    }
    blocks.clear();
  }
}

BlockPool::Statistics BlockPool::statistics() {
  const std::lock_guard lock(mutex_);
  return {live_, peak_, reserved_};
}

}  // namespace nabla::cuda
