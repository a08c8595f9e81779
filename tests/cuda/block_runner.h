#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "tests/cuda/host_shim.h"

namespace nabla::cuda::host {

/// What a kernel did wrong; the message names the kernel, the block and the thread.
class KernelError : public std::runtime_error {
 public:
  explicit KernelError(const std::string& what, const void* at = nullptr)
      : std::runtime_error(what), address(at) {}
  /// Of the access that was not allowed, or null.
  const void* address;
};

/// In which order blocks, and the threads of a block between two barriers, run.
enum class Order { forward, backward };

/// What libraries call.
const Runtime& runtime();

/// Runs a kernel's blocks one after the other, the threads of each as fibers that switch at barriers and
/// shuffles. Shared memory is 0xff bytes at the begin of a block. One kernel runs at a time in the program.
/// @throws KernelError for a barrier or shuffle that not all of its threads reach, a shuffle from a lane
/// outside of the mask, and accesses to memory that is not there.
void run_blocks(const Library& library, const Entry& entry, std::int64_t blocks, int threads,
                std::span<const std::uint64_t> arguments, Order order);

}  // namespace nabla::cuda::host
