#pragma once

#include <cstddef>

#include "engine/plan/plan.h"

namespace nabla {

/// Operations and traffic of one step or of several.
///
/// Operations: a contraction of m x k and k x n matrices has 2 m n k (m n where nothing is summed), a
/// convolution and its transposes two for each element of a window at each place, padding included, a tile
/// program its instructions times its elements, a reduction or a scatter_add the elements it reads (softmax 5
/// and logsumexp 4 times these), iota and random numbers the elements they write, and moving data none. A
/// sort counts one for each element.
/// Bytes: every operand and every result once. A view counts the elements it shows, what is repeated counts
/// once, constants count nothing, and gather reads no more of its table than it picks.
struct PlanCost {
  double flops = 0;
  double bytes_read = 0;
  double bytes_written = 0;

  double bytes() const { return bytes_read + bytes_written; }
};

/// The cost of one step of `plan.steps()`.
PlanCost cost_of(const Plan& plan, std::size_t step);
/// The sum over all steps.
PlanCost cost_of(const Plan& plan);

/// Bytes around a run. Peak memory is in `Plan::peak_bytes`.
struct PlanMemory {
  std::size_t leaves;       ///< what the leaves hold
  std::size_t temporaries;  ///< of all values between leaves and results, were each in memory of its own
};
PlanMemory memory_of(const Plan& plan);

}  // namespace nabla
