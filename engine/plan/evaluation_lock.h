#pragma once

#include <mutex>

#include "engine/plan/plan.h"

// Between plan.cpp and evaluate.cpp.

namespace nabla {

/// One evaluation at a time: it owns the thread pool, and values of nodes are read and written under this
/// lock.
std::mutex& evaluation_mutex();

/// make_plan() for a caller that holds the lock.
PlannedGraph make_plan_locked(std::span<const Tensor> outputs);

}  // namespace nabla
