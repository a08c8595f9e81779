#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/tensor/dtype.h"
#include "engine/tensor/layout.h"

namespace nabla {

/// A block of host memory, 64-byte aligned. Freed blocks go to a cache and are handed out again.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_;
  std::size_t bytes_;
};

/// Memory held by live buffers, now and at the highest point since the last reset (the block cache is not
/// counted).
struct MemoryStatistics {
  std::size_t live_bytes;
  std::size_t peak_bytes;
};
MemoryStatistics memory_statistics();
/// Starts a new measurement of peak_bytes from what is live now.
void reset_peak_memory();
/// Returns all cached blocks to the system.
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
