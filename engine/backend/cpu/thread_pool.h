#pragma once

#include <cstdint>
#include <functional>

namespace nabla::cpu {

/// Calls body(task) for task = 0 .. tasks-1 on the pool and returns when all are done. Tasks may run in any
/// order; their number must not depend on the number of threads, so that results do not either. A call from
/// within a task, or from a second thread at the same time, runs on the caller alone. The first exception of
/// a task is thrown again here.
void parallel_for(std::int64_t tasks, const std::function<void(std::int64_t)>& body);

}  // namespace nabla::cpu
