#pragma once

#include <memory>

#include "engine/backend/cuda/context.h"
#include "engine/tensor/buffer.h"

namespace nabla::cuda {

/// A block of the pool that holds the elements of a Buffer.
class Block final : public DeviceMemory {
 public:
  explicit Block(std::size_t bytes);
  ~Block() override;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::byte* address() const override { return address_; }
  void start_fetch() override;
  void cancel_fetch() override;
  void fetch(std::byte* to, std::size_t bytes) override;
  std::unique_ptr<DeviceMemory> clone() const override;

 private:
  std::byte* address_;
  std::size_t bytes_;
  std::unique_ptr<PinnedPool::Block> fetched_;  // a copy under way
};

/// The elements of a buffer on the device, copied there first if only the host has them.
std::byte* on_device(Buffer& buffer);

/// Copies to the device in the order of its work; the host memory may be changed at once.
void upload(std::byte* to, const std::byte* from, std::size_t bytes);
/// Copies to the host once the work before it is done. @throws Error if some of that failed.
void download(std::byte* to, const std::byte* from, std::size_t bytes);

}  // namespace nabla::cuda
