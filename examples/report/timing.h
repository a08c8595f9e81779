#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <vector>

// Clocks, and what is made of their readings, for programs that tell how long they took.

namespace nabla::report {

/// Returns the seconds of a clock that runs evenly, from an arbitrary start.
inline double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Returns the seconds that a call of `work` takes.
template <class F>
double seconds_of(F&& work) {
  const double start = now_seconds();
  work();
  return now_seconds() - start;
}

/// Returns the milliseconds of processor time that the calling thread has taken.
inline double cpu_milliseconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

/// Returns the median of at least one value, the upper one of the middle two.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace nabla::report
