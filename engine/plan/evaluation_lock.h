#pragma once

#include <mutex>

#include "engine/plan/plan.h"

// Between plan.cpp and evaluate.cpp.

namespace nabla {

/// One evaluation at a time: it owns the thread pool, and values of nodes are read and written under this
/// lock.
std::mutex& evaluation_mutex();

/// make_plan() for a caller that holds the lock. A run may write results over the memory of `donated` leaves
/// once they have been read for the last time and nothing can fail any more; results that do so share their
/// buffers.
PlannedGraph make_plan_locked(std::span<const Tensor> outputs, std::span<const Tensor> donated = {});

}  // namespace nabla
