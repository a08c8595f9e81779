#pragma once

#include <mutex>

#include "engine/plan/plan.h"

// Between plan.cpp and evaluate.cpp.

namespace nabla {

/// Plans are made, and values of nodes read and written, under this lock. A GPU works for whoever holds it;
/// on the CPU plans run without it, on arrays that were looked up before.
std::mutex& evaluation_mutex();
/// Nobody computes any more what other threads did at the fork(): in the child there are none. Under the
/// lock.
void forget_other_evaluations();

/// make_plan() for a caller that holds the lock. A run may write results over the memory of `donated` leaves
/// once they have been read for the last time and nothing can fail any more; results that do so share their
/// buffers.
PlannedGraph make_plan_locked(std::span<const Tensor> outputs, std::span<const Tensor> donated = {});

}  // namespace nabla
