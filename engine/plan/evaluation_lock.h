#pragma once

#include <mutex>

#include "engine/plan/plan.h"

// What evaluates, makes plans and compiles has in common.

namespace nabla {

/// Plans are made, and values of nodes read and written, under this lock. A GPU works for whoever holds it;
/// on the CPU plans run without it, on arrays that were looked up before.
std::mutex& evaluation_mutex();
/// Nobody computes any more what other threads did at the fork(): in the child there are none. Under the
/// lock.
void forget_other_evaluations();

/// All nodes that have to be computed for `outputs`, and those with values (or variables) that they start
/// from; inputs before users. Under the lock.
std::vector<Node*> nodes_to_compute(std::span<const Tensor> outputs);

/// make_plan() for a caller that holds the lock. A run may write results over the memory of `donated` leaves
/// once they have been read for the last time and nothing can fail any more; results that do so share their
/// buffers.
PlannedGraph make_plan_locked(std::span<const Tensor> outputs, std::span<const Tensor> donated = {});

}  // namespace nabla
