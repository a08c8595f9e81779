#include "engine/backend/cuda/device_memory.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

namespace nabla::cuda {
namespace {

std::unique_ptr<PinnedPool::Block> start_download(const std::byte* from, std::size_t bytes) {
  Context& context = Context::instance();
  std::unique_ptr<PinnedPool::Block> block = context.pinned().take(bytes);
  check(cudaMemcpyAsync(block->data, from, bytes, cudaMemcpyDeviceToHost, context.stream()),
        "a copy to the host");
  check(cudaEventRecord(block->done.get(), context.stream()), "cudaEventRecord");
  return block;
}

void finish_download(std::byte* to, std::unique_ptr<PinnedPool::Block> block, std::size_t bytes) {
  check(cudaEventSynchronize(block->done.get()),
        "work before a copy to the host (set_nan_mode(true) runs step by step and names the operator)");
  std::memcpy(to, block->data, bytes);
  Context::instance().pinned().give_back(std::move(block));
}

}  // namespace

void upload(std::byte* to, const std::byte* from, std::size_t bytes) {
  Context& context = Context::instance();
  for (std::size_t at = 0; at < bytes; at += PinnedPool::kMostBytes) {
    const std::size_t count = std::min(PinnedPool::kMostBytes, bytes - at);
    std::unique_ptr<PinnedPool::Block> block = context.pinned().take(count);
    std::memcpy(block->data, from + at, count);
    check(cudaMemcpyAsync(to + at, block->data, count, cudaMemcpyHostToDevice, context.stream()),
          "a copy to the device");
    check(cudaEventRecord(block->done.get(), context.stream()), "cudaEventRecord");
    context.pinned().give_back(std::move(block));
  }
}

void download(std::byte* to, const std::byte* from, std::size_t bytes) {
  // One piece is copied on by the host while the next comes in.
  struct Piece {
    std::unique_ptr<PinnedPool::Block> block;
    std::size_t at, bytes;
  };
  std::deque<Piece> under_way;
  const auto finish = [&] {
    finish_download(to + under_way.front().at, std::move(under_way.front().block), under_way.front().bytes);
    under_way.pop_front();
  };
  for (std::size_t at = 0; at < bytes; at += PinnedPool::kMostBytes) {
    const std::size_t count = std::min(PinnedPool::kMostBytes, bytes - at);
    under_way.push_back({start_download(from + at, count), at, count});
    if (under_way.size() > 2) finish();
  }
  while (!under_way.empty()) finish();
}

std::byte* on_device(Buffer& buffer) {
  if (!buffer.on_device()) {
    std::unique_ptr<Block> block = std::make_unique<Block>(buffer.bytes());
    upload(block->address(), buffer.data(), buffer.bytes());
    buffer.keep_on_device(std::move(block));
  }
  return buffer.on_device()->address();
}

Block::Block(std::size_t bytes) : address_(Context::instance().blocks().take(bytes)), bytes_(bytes) {}
Block::~Block() {
  cancel_fetch();
  Context::instance().blocks().give_back(address_, bytes_);
}

void Block::start_fetch() {
  if (!fetched_ && bytes_ > 0 && bytes_ <= PinnedPool::kMostBytes)
    fetched_ = start_download(address_, bytes_);
}

void Block::cancel_fetch() {
  if (fetched_) Context::instance().pinned().give_back(std::move(fetched_));
}

void Block::fetch(std::byte* to, std::size_t bytes) {
  if (!fetched_) return download(to, address_, bytes);
  finish_download(to, std::move(fetched_), bytes);
}

std::unique_ptr<DeviceMemory> Block::clone() const {
  auto copy = std::make_unique<Block>(bytes_);
  if (bytes_ > 0)
    check(cudaMemcpyAsync(copy->address_, address_, bytes_, cudaMemcpyDeviceToDevice,
                          Context::instance().stream()),
          "a copy on the device");
  return copy;
}

}  // namespace nabla::cuda
