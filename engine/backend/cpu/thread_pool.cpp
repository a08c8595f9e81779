#include "engine/backend/cpu/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/backend/cpu/worker_cores.h"
#include "engine/backend/float_environment.h"
#include "engine/backend/threads.h"
#include "engine/tensor/error.h"

namespace nabla {
namespace cpu {
namespace {

// Steps follow one another within microseconds, so a worker looks for the next one before it sleeps: first
// without giving its core away, then giving it to whoever else wants it.
constexpr int kSpins = 1000;
constexpr int kYields = 2000;

// More than any machine has cores; to start many more takes longer than what they could save.
constexpr int kMostThreads = 1024;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

// True while this thread works on a task of the pool: what that task starts in turn runs where it is.
thread_local bool inside_task = false;

class ThreadPool {
 public:
  static ThreadPool& instance() {
    static ThreadPool& pool =
        *new ThreadPool;  // never destroyed: threads may evaluate while the process ends
    return pool;
  }

  int count() const { return count_.load(std::memory_order_relaxed); }

  void resize(int count) {
    if (inside_task) throw Error("set_thread_count: called from within a task");
    const std::lock_guard owner(owner_);
    stop();
    count_ = count;
  }

  void run(std::int64_t tasks, TaskBody body) {
    std::unique_lock owner(owner_, std::defer_lock);
    if (tasks <= 1 || count() == 1 || inside_task || !owner.try_lock()) {
      for (std::int64_t task = 0; task < tasks; ++task) body.function(body.body, task);
      return;
    }
    start();
    // No worker is between its look at open_ and its last task: nobody reads these now.
    body_ = body;
    tasks_ = tasks;
    next_.store(0, std::memory_order_relaxed);
    error_ = nullptr;
    open_ = true;
    generation_.fetch_add(1);
    // A worker that is about to sleep either sees the new generation or is seen here.
    if (sleepers_ > 0) {
      cores_.leave_this_core(workers_);
      { const std::lock_guard lock(mutex_); }
      wake_.notify_all();
    }
    work();
    // All tasks are taken: a worker that has not woken up yet need not be waited for. One that has says so
    // before it looks whether it may join.
    open_ = false;
    // On a machine that is busy elsewhere a worker may need this thread's core to get done.
    for (int spin = 0; busy_ > 0; ++spin) spin < kSpins ? relax() : std::this_thread::yield();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  // Fewer workers than asked for, where the system gives no more, change nothing but the time.
  void start() {
    if (started_) return;
    started_ = true;
    stopping_ = false;
    cores_ = WorkerCores();
    try {
      for (int i = 1; i < count(); ++i)
        workers_.emplace_back([this, seen = generation_.load()] { loop(seen); });
    } catch (const std::system_error&) {
    }
    cores_.leave_this_core(workers_);
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    started_ = false;
  }

  // Returns the first generation after `seen`.
  std::uint64_t await(std::uint64_t seen) {
    for (int spin = 0; spin < kSpins + kYields; ++spin) {
      const std::uint64_t generation = generation_;
      if (generation != seen) return generation;
      spin < kSpins ? relax() : std::this_thread::yield();
    }
    std::unique_lock lock(mutex_);
    ++sleepers_;
    wake_.wait(lock, [&] { return generation_ != seen; });
    --sleepers_;
    return generation_;
  }

  void loop(std::uint64_t seen) {
    const FloatEnvironment environment;  // a thread inherits that of its creator
    for (;;) {
      seen = await(seen);
      if (stopping_) return;
      ++busy_;
      if (open_) work();
      --busy_;
    }
  }

  void work() {
    for (;;) {
      const std::int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_) return;
      inside_task = true;
      try {
        body_.function(body_.body, task);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
      }
      inside_task = false;
    }
  }

  std::mutex owner_;  // held by the caller that the pool works for
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  WorkerCores cores_;
  std::atomic<int> count_ =
      std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
  // Sequentially consistent, all four: what is written to one is seen before what is read from another.
  std::atomic<std::uint64_t> generation_ = 0;
  std::atomic<bool> open_ = false;  // workers may still join the present run
  std::atomic<int> busy_ = 0;       // workers that have joined, or look whether they may
  std::atomic<int> sleepers_ = 0;
  alignas(64) std::atomic<std::int64_t> next_ = 0;
  std::int64_t tasks_ = 0;
  TaskBody body_{};
  std::exception_ptr error_;
  bool started_ = false;
  std::atomic<bool> stopping_ = false;
};

}  // namespace

void run_tasks(std::int64_t tasks, TaskBody body) { ThreadPool::instance().run(tasks, body); }

}  // namespace cpu

void set_thread_count(int count) {
  if (count < 1 || count > cpu::kMostThreads)
    throw Error("set_thread_count: " + std::to_string(count) + " threads; 1 to " +
                std::to_string(cpu::kMostThreads) + " are possible");
  cpu::ThreadPool::instance().resize(count);
}

int thread_count() { return cpu::ThreadPool::instance().count(); }

}  // namespace nabla
