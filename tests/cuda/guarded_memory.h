#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace nabla::cuda::host {

/// Memory between pages that nothing may touch. It ends as close to the page behind as its alignment of 16
/// bytes allows; the few bytes that are left there, and the rest of the first page, hold a pattern. So both
/// kernels that write and kernels that read out of bounds are found.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes);
  ~GuardedMemory();
  GuardedMemory(GuardedMemory&& other) noexcept;
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  /// Filled with 0xff, which is NaN and -1.
  std::span<std::byte> bytes() const { return bytes_; }
  void make_read_only();
  /// Is the pattern around it as it was?
  bool is_intact() const;
  /// Does the address lie in this memory or the guards around it?
  bool surrounds(const void* address) const;
  /// Where it lies, as in "8 bytes behind its end".
  std::string place_of(const void* address) const;

 private:
  std::span<std::byte> mapping_;
  std::span<std::byte> inside_;  // of the mapping, what is not a guard page
  std::span<std::byte> bytes_;
};

}  // namespace nabla::cuda::host
