#pragma once

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <thread>

#include "engine/backend/cpu/threads/thread_own.h"
#include "engine/tensor/error.h"

// What every call of oneDNN needs. Only for files that are built with it.

// From libgomp, which oneDNN is linked with; not every compiler ships omp.h.
extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_max_threads();

namespace nabla::cpu {

inline dnnl::engine& cpu_engine() {
  static dnnl::engine& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// Threads are ours; oneDNN's own cut the work by their number, which would change bits. The setting belongs
// to the calling thread, whose program may use OpenMP itself: it is put back.
class SingleThreaded {
 public:
  SingleThreaded() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~SingleThreaded() { omp_set_num_threads(before_); }
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  int before_;
};

// oneDNN destroys the tables and the code that it has made when the process ends, while other threads and
// destructors of statics may still compute. What is registered for the end behind the making of these runs
// before they go: it lets no more calls in and waits for those that are.
class OneDnnCall {
 public:
  /// @throws Over
  OneDnnCall() : running_(running_of_this_thread()) {
    ++running_;
    if (!over) return;
    --running_;
    throw Over("contraction: the process ends, and a packed operand cannot be read any more");
  }
  ~OneDnnCall() { --running_; }
  OneDnnCall(const OneDnnCall&) = delete;
  OneDnnCall& operator=(const OneDnnCall&) = delete;

  class Over : public Error {
   public:
    using Error::Error;
  };
  /// For a child of fork(), where the calls of other threads do not return.
  static void forget_others() {
    for (Line& line : lines) line.running = 0;
  }
  /// To be called when something new has been made. After the first shapes hardly anything is new.
  static void end_before_what_is_made() {
    constexpr int kEnough = 256;
    static std::atomic<int> registered = 0;
    if (registered < kEnough && registered++ < kEnough) std::atexit(&end);
  }

 private:
  using Count = std::atomic<int>;
  struct alignas(64) Line {
    Count running;
  };

  // Threads share few counters, so that hardly two write to one.
  static Count& running_of_this_thread() {
    static std::atomic<std::size_t> threads = 0;
    thread_local const std::size_t number = threads++;
    return lines[number % lines.size()].running;
  }
  static void end() {
    over = true;
    for (const Line& line : lines)
      while (line.running > 0) std::this_thread::yield();
  }

  static constinit inline std::array<Line, 64> lines{};
  static constinit inline std::atomic<bool> over = false;
  Count& running_;
};

// oneDNN makes something that threads share, several threads at once; a fork waits for all of them.
class Making {
 public:
  Making() {
    const std::lock_guard lock(mutex());
    ++count;
  }
  ~Making() { --count; }
  Making(const Making&) = delete;
  Making& operator=(const Making&) = delete;

  static std::mutex& mutex() {
    // Never destroyed: threads may compute while the process ends.
    static std::mutex& mutex = *new std::mutex;
    return mutex;
  }
  static constinit inline std::atomic<int> count = 0;
};

struct OwnStream : dnnl::stream {
  OwnStream() : dnnl::stream(cpu_engine()) {}
};
/// Of the calling thread.
inline dnnl::stream& own_stream() { return thread_own<OwnStream>(); }

}  // namespace nabla::cpu
