#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda::host {

/// All elements that an input's layout may reach, and where its first one lies in them.
struct StepInput {
  std::span<const std::byte> memory;
  std::size_t first = 0;  ///< byte
};
struct StepOutput {
  std::span<std::byte> memory;
  int in_place_of = -1;  ///< the input whose memory it is, or -1
};

/// Runs the kernels of a step on the host, on guarded copies, and copies the outputs back. It runs them
/// twice, the second time with the order of blocks and threads reversed. Scratch and outputs hold 0xff bytes
/// at first.
/// @return the index that the step refused, if it did.
/// @throws KernelError for what HostKernel::run finds, for accesses out of the bounds of the step's memory,
/// for writing to an input, and for results that depend on the order.
std::optional<std::int64_t> run_step(const StepSource& step, std::span<const StepInput> inputs,
                                     std::span<const StepOutput> outputs);

}  // namespace nabla::cuda::host
