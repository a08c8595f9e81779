#pragma once

#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace nabla::cpu {

/// Where workers may run. A scheduler tends to wake a thread on the core of the one that wakes it, where it
/// would wait for milliseconds until that one has done all the work alone.
class WorkerCores {
 public:
  /// Takes over the cores that the calling thread may use.
  WorkerCores();
  /// Lets the workers use all of them but the caller's present one, if there is another.
  void leave_this_core(std::vector<std::thread>& workers) const;

 private:
#ifdef __linux__
  cpu_set_t allowed_;
#endif
};

}  // namespace nabla::cpu
