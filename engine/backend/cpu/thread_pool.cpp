#include "engine/backend/cpu/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/backend/threads.h"
#include "engine/tensor/error.h"

namespace nabla {
namespace cpu {
namespace {

// Steps follow one another within microseconds, so a worker looks for the next one this often before it
// sleeps.
constexpr int kSpins = 4000;

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
    static ThreadPool pool;
    return pool;
  }

  ~ThreadPool() { stop(); }

  int count() const { return count_.load(std::memory_order_relaxed); }

  void resize(int count) {
    if (inside_task) throw Error("set_thread_count: called from within a task");
    const std::lock_guard owner(owner_);
    stop();
    count_ = count;
  }

  void run(std::int64_t tasks, const std::function<void(std::int64_t)>& body) {
    std::unique_lock owner(owner_, std::defer_lock);
    if (tasks <= 1 || count() == 1 || inside_task || !owner.try_lock()) {
      for (std::int64_t task = 0; task < tasks; ++task) body(task);
      return;
    }
    start();
    {
      const std::lock_guard lock(mutex_);
      body_ = &body;
      tasks_ = tasks;
      next_.store(0, std::memory_order_relaxed);
      error_ = nullptr;
      open_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    work();
    {
      // All tasks are taken: a worker that has not woken up yet need not be waited for.
      const std::lock_guard lock(mutex_);
      open_ = false;
    }
    // On a machine that is busy elsewhere a worker may need this thread's core to get done.
    for (int spin = 0; busy_.load(std::memory_order_acquire) > 0; ++spin)
      spin < kSpins ? relax() : std::this_thread::yield();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  // Fewer workers than asked for, where the system gives no more, change nothing but the time.
  void start() {
    if (started_) return;
    started_ = true;
    stopping_ = false;
    try {
      for (int i = 1; i < count(); ++i)
        workers_.emplace_back([this, seen = generation_.load()] { loop(seen); });
    } catch (const std::system_error&) {
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    started_ = false;
  }

  void loop(std::uint64_t seen) {
    for (;;) {
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_acquire) == seen; ++spin)
        relax();
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_relaxed) != seen; });
        seen = generation_.load(std::memory_order_relaxed);
        if (stopping_) return;
        if (!open_) continue;
        busy_.fetch_add(1, std::memory_order_relaxed);
      }
      work();
      busy_.fetch_sub(1, std::memory_order_release);
    }
  }

  void work() {
    for (;;) {
      const std::int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_) return;
      inside_task = true;
      try {
        (*body_)(task);
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
  std::atomic<int> count_ = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::atomic<std::uint64_t> generation_ = 0;
  std::atomic<std::int64_t> next_ = 0;
  std::atomic<int> busy_ = 0;
  std::int64_t tasks_ = 0;
  const std::function<void(std::int64_t)>* body_ = nullptr;
  std::exception_ptr error_;
  bool open_ = false;  // workers may still join the present run
  bool started_ = false;
  bool stopping_ = false;
};

}  // namespace

void parallel_for(std::int64_t tasks, const std::function<void(std::int64_t)>& body) {
  ThreadPool::instance().run(tasks, body);
}

}  // namespace cpu

void set_thread_count(int count) {
  if (count < 1)
    throw Error("set_thread_count: " + std::to_string(count) + " threads; at least one is needed");
  cpu::ThreadPool::instance().resize(count);
}

int thread_count() { return cpu::ThreadPool::instance().count(); }

}  // namespace nabla
