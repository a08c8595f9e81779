#include "engine/backend/cpu/threads/worker_cores.h"

#ifdef __linux__
#include <pthread.h>
#endif

namespace nabla::cpu {

#ifdef __linux__

// Nothing here can fail in a way that matters: workers run where the system puts them then.
WorkerCores::WorkerCores() {
  if (sched_getaffinity(0, sizeof allowed_, &allowed_) != 0) CPU_ZERO(&allowed_);
}

void WorkerCores::leave_this_core(std::thread& worker) const {
  const int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE) return;
  cpu_set_t others = allowed_;
  CPU_CLR(static_cast<std::size_t>(here), &others);
  if (CPU_COUNT(&others) > 0) pthread_setaffinity_np(worker.native_handle(), sizeof others, &others);
}

void WorkerCores::come_to_this_core(std::thread& worker) const {
  const int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE) return;
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<std::size_t>(here), &only);
  pthread_setaffinity_np(worker.native_handle(), sizeof only, &only);
}

Progress::Progress(std::thread& thread) {
  if (pthread_getcpuclockid(thread.native_handle(), &clock_) != 0) clock_ = CLOCK_MONOTONIC;
}

bool Progress::stands_still() {
  timespec now{};
  if (clock_gettime(clock_, &now) != 0) return false;
  const bool still = now.tv_sec == last_.tv_sec && now.tv_nsec == last_.tv_nsec;
  last_ = now;
  return still;
}

#else

WorkerCores::WorkerCores() = default;
void WorkerCores::leave_this_core(std::thread&) const {}
void WorkerCores::come_to_this_core(std::thread&) const {}
Progress::Progress(std::thread&) {}
bool Progress::stands_still() { return false; }

#endif

}  // namespace nabla::cpu
