#pragma once

#include <memory>
#include <vector>

#include "engine/backend/backend.h"

namespace nabla::cuda {

/// Runs the steps of a plan on the GPU: one by one at first, and as a captured CUDA graph from the second run
/// on that finds its memory at the same addresses. A small block that keeps moving gets a place of its own,
/// from or to which it is copied. A run only enqueues its work, except where a step may refuse its data: then
/// it waits for the last of those before it goes on, so that a refusal spoils nothing.
std::unique_ptr<StepRunner> make_runner(std::vector<BoundStep> steps, std::vector<BoundBlock> blocks);

struct RunnerStatistics {
  std::uint64_t enqueued;  ///< runs step by step
  std::uint64_t captured;  ///< graphs made
  std::uint64_t replayed;  ///< runs by launching a graph
};
/// Of all plans so far.
RunnerStatistics runner_statistics();

}  // namespace nabla::cuda
