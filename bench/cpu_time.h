#pragma once

#include <ctime>

namespace nabla::bench {

/// Returns the milliseconds of processor time that the calling thread has taken.
inline double cpu_milliseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

}  // namespace nabla::bench
