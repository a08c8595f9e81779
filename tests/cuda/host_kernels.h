#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend/cuda/source/kernel_source.h"
#include "tests/cuda/block_runner.h"

// Kernels compiled for the host, so that tests run them without a GPU: behind host_shim.h and preamble(), by
// the compiler that the macro NABLAFLOW_HOST_COMPILER names. What is compiled is kept for later runs in the
// directory that NABLAFLOW_HOST_KERNELS names in the environment, if it does.

namespace nabla::cuda::host {

/// A compiled kernel. It lives as long as the program.
class HostKernel {
 public:
  HostKernel(const Library& library, const Entry& entry) : library_(&library), entry_(&entry) {}

  std::string_view name() const { return entry_->name; }
  int parameters() const { return entry_->parameters; }
  /// One launch. `threads` of a block is a multiple of 32, at most 1024; arguments have 8 bytes each.
  /// @throws KernelError as run_blocks() does, or for a launch that CUDA would refuse.
  void run(std::int64_t blocks, int threads, std::span<const std::uint64_t> arguments,
           Order order = Order::forward) const;

 private:
  const Library* library_;
  const Entry* entry_;
};

/// Compiles those of the texts that have not been compiled yet, many at a time. Each is what follows the
/// preamble; the preamble in front of it is left out.
/// @throws KernelError with what the compiler says.
void compile(std::span<const std::string> texts);
/// The kernel `entry` of a text, compiled now if it has not been. @throws KernelError if there is none.
const HostKernel& kernel(const std::string& text, std::string_view entry);

/// A function `extern "C" __global__` of a text.
struct EntryPoint {
  std::string name;
  std::vector<bool> is_pointer;  ///< of its parameters

  int parameters() const { return static_cast<int>(is_pointer.size()); }
};
std::vector<EntryPoint> entry_points(std::string_view text);

}  // namespace nabla::cuda::host
