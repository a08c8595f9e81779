#pragma once

#include <thread>

#ifdef __linux__
#include <sched.h>
#include <time.h>
#endif

namespace nabla::cpu {

/// Where workers may run. A scheduler tends to wake a thread on the core of the one that wakes it, where it
/// would wait for milliseconds until that one has done all the work alone.
class WorkerCores {
 public:
  /// Takes over the cores that the calling thread may use.
  WorkerCores();
  /// Lets a worker use all of them but the caller's present one, if there is another.
  void leave_this_core(std::thread& worker) const;
  /// Lets a worker use the caller's present core alone, to which it moves at once.
  void come_to_this_core(std::thread& worker) const;

 private:
#ifdef __linux__
  cpu_set_t allowed_;
#endif
};

/// Tells whether a thread runs or waits for a core that others use.
class Progress {
 public:
  explicit Progress(std::thread& thread);
  /// True if the thread has not run at all since the last call.
  bool stands_still();

 private:
#ifdef __linux__
  clockid_t clock_;
  timespec last_{};
#endif
};

}  // namespace nabla::cpu
