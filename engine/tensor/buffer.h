#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/tensor/dtype.h"
#include "engine/tensor/layout.h"

namespace nabla {

/// Memory of a device other than the host, as its backend gives it.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  virtual std::byte* address() const = 0;
  /// Begins to copy the elements to the host, behind the work that makes them, and does not wait.
  virtual void start_fetch() = 0;
  /// Forgets a copy that was begun: the elements are about to be overwritten.
  virtual void cancel_fetch() = 0;
  /// Copies the elements to the host once they are made. @throws Error if the work that makes them failed.
  virtual void fetch(std::byte* to, std::size_t bytes) = 0;
  /// A copy on the same device, made in order with its other work.
  virtual std::unique_ptr<DeviceMemory> clone() const = 0;
};

/// A block of memory for elements: on the host, 64-byte aligned if it is our own, on a device, or the same
/// elements on both. Elements are written once, by whoever makes them; a host that reads what a device made
/// copies it then. Freed host blocks go to a cache and are handed out again; they leave it when they have not
/// been used for a second or two, when an allocation of the process would fail, and where they come to more
/// than NABLAFLOW_CACHE_BYTES in the environment (1 GiB).
class Buffer {
 public:
  /// Host memory with unspecified contents.
  explicit Buffer(std::size_t bytes);
  /// Host memory of somebody else, such as a mapped file, held while this buffer needs it. Elements may be
  /// written there; it is aligned for them, if for nothing larger.
  Buffer(std::shared_ptr<std::byte> memory, std::size_t bytes);
  /// Device memory; the host takes none until it reads.
  Buffer(std::unique_ptr<DeviceMemory> memory, std::size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  /// The elements on the host, copied there first if only a device has them; from any thread.
  std::byte* data() { return on_host(); }
  const std::byte* data() const { return on_host(); }
  std::size_t bytes() const { return bytes_; }

  /// The elements on the device; null if only the host has them. This and what follows under the evaluation
  /// lock.
  DeviceMemory* on_device() const { return device_.get(); }
  /// Takes over memory that holds the same elements.
  void keep_on_device(std::unique_ptr<DeviceMemory> memory) { device_ = std::move(memory); }
  /// Forgets one of two copies, because the other is about to be overwritten.
  void forget_host();
  void forget_device() { device_ = nullptr; }
  /// Begins to copy to the host what only a device has, so that data() waits less.
  void start_fetch();
  /// The same elements in memory of their own, where these are.
  std::shared_ptr<Buffer> clone() const;

 private:
  std::byte* on_host() const {
    std::byte* data = data_.load(std::memory_order_acquire);
    return data ? data : fetch();
  }
  std::byte* fetch() const;
  void release_host(std::byte* data);

  mutable std::atomic<std::byte*> data_;  // null while only a device has the elements
  std::size_t bytes_;
  std::unique_ptr<DeviceMemory> device_;
  std::shared_ptr<std::byte> lent_;  // what data_ is, if it is somebody else's
};

/// Memory held by live buffers, now and at the highest point since the last reset, and on the host what freed
/// ones have left in the cache beside it.
struct MemoryStatistics {
  std::size_t live_bytes;
  std::size_t peak_bytes;
  std::size_t cached_bytes = 0;
};
MemoryStatistics memory_statistics();
/// Starts a new measurement of peak_bytes from what is live now.
void reset_peak_memory();
/// Returns all cached blocks to the system now.
void release_memory_cache();

/// A value: a shared buffer and where the elements lie in it.
struct Array {
  std::shared_ptr<Buffer> buffer;
  Layout layout;
  DType dtype = DType::f32;

  explicit operator bool() const { return buffer != nullptr; }
  const Shape& shape() const { return layout.shape; }
  template <class T>
  T* data() const {
    return reinterpret_cast<T*>(buffer->data()) + layout.offset;
  }
  /// A fresh dense array with unspecified contents.
  static Array dense(const Shape& shape, DType dtype) {
    return {std::make_shared<Buffer>(static_cast<std::size_t>(shape.size()) * size_of(dtype)),
            Layout::dense(shape), dtype};
  }
};

}  // namespace nabla
