#pragma once

#include <cstdint>

namespace nabla::cpu {

/// What a pool calls for each task: `function` with `body` and the number of the task.
struct TaskBody {
  void (*function)(const void* body, std::int64_t task);
  const void* body;
};
void run_tasks(std::int64_t tasks, TaskBody body);

/// Calls body(task) for task = 0 .. tasks-1 on the pool and returns when all are done. Tasks may run in any
/// order, handed out as threads come; their number must not depend on the number of threads, so that results
/// do not either. A call from within a task, or while other threads use the pool or most of the cores, runs
/// on the caller alone. The first exception of a task is thrown again here. Handing out costs about a
/// microsecond: work of less belongs into one task.
template <class Body>
void parallel_for(std::int64_t tasks, const Body& body) {
  run_tasks(tasks, {[](const void* f, std::int64_t task) { (*static_cast<const Body*>(f))(task); }, &body});
}

/// While it lives, this thread evaluates and so needs a core.
class EvaluationScope {
 public:
  EvaluationScope();
  ~EvaluationScope();
  EvaluationScope(const EvaluationScope&) = delete;
  EvaluationScope& operator=(const EvaluationScope&) = delete;
};

/// To be called in a child of fork(), which has no workers.
void replace_pool_in_child();

}  // namespace nabla::cpu
