#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace nabla::cuda::emulator {

/// Allocations in a reserved range of addresses, none of which is used twice. Between them are pages that
/// nothing may touch. Blocks start at multiples of 256 and end as close to such pages as that allows; what is
/// left of their pages holds a pattern.
class MemoryPool {
 public:
  /// `is_hidden`: a block can be touched between reach() and close(), else always.
  MemoryPool(std::size_t reserved_bytes, bool is_hidden);
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// Filled with 0xff bytes. @return null if there are no addresses left.
  void* allocate(std::size_t bytes);
  /// @return whether a block starts there.
  bool free(void* pointer);

  /// Do all these bytes lie in one live block?
  bool holds(const void* pointer, std::size_t bytes = 1) const;
  /// Is the address one of the pool's, live or not?
  bool owns(const void* pointer) const;
  /// From `pointer` to the end of its block, or 0.
  std::size_t bytes_from(const void* pointer) const;

  /// Do all these bytes lie in one live block? It can be touched until close() then.
  bool reach(const void* pointer, std::size_t bytes = 1);
  /// @return what was written beside the blocks that were within reach, or "".
  std::string close();

  std::size_t live_bytes() const { return live_bytes_; }

 private:
  struct Block {
    std::size_t bytes;
    std::byte* pages;
    std::size_t page_bytes;
    bool is_within_reach = false;
  };
  using Blocks = std::map<std::uintptr_t, Block>;
  Blocks::const_iterator find(const void* pointer) const;
  static bool is_intact(std::uintptr_t begin, const Block& block);

  bool is_hidden_;
  std::byte* reserved_;
  std::size_t reserved_bytes_;
  std::size_t used_ = 0;
  Blocks blocks_;
  std::vector<std::uintptr_t> within_reach_;
  std::size_t live_bytes_ = 0;
};

MemoryPool& device_memory();
/// Pinned memory.
MemoryPool& host_memory();

}  // namespace nabla::cuda::emulator
