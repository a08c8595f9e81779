#include "engine/backend/cpu/worker_cores.h"

#ifdef __linux__
#include <pthread.h>
#endif

namespace nabla::cpu {

#ifdef __linux__

// Nothing here can fail in a way that matters: workers run where the system puts them then.
WorkerCores::WorkerCores() {
  if (sched_getaffinity(0, sizeof allowed_, &allowed_) != 0) CPU_ZERO(&allowed_);
}

void WorkerCores::leave_this_core(std::vector<std::thread>& workers) const {
  const int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE) return;
  cpu_set_t others = allowed_;
  CPU_CLR(static_cast<std::size_t>(here), &others);
  if (CPU_COUNT(&others) == 0) return;
  for (std::thread& worker : workers) pthread_setaffinity_np(worker.native_handle(), sizeof others, &others);
}

#else

WorkerCores::WorkerCores() = default;
void WorkerCores::leave_this_core(std::vector<std::thread>&) const {}

#endif

}  // namespace nabla::cpu
