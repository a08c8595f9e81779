#include "engine/backend/cpu/threads/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/backend/cpu/threads/worker_cores.h"
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

// Evaluations that run now, each on a thread of its own.
std::atomic<int> evaluations = 0;

[[noreturn]] void refuse_count(const char* setting, std::string_view count) {
  throw Error(std::string(setting) + ": " + std::string(count) + " threads; 1 to " +
              std::to_string(kMostThreads) + " are possible");
}

int initial_count() {
  constexpr const char* kSetting = "NABLAFLOW_NUM_THREADS";
  const char* const set = std::getenv(kSetting);
  if (!set) return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
  const std::string_view text = set;
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1 || count > kMostThreads)
    refuse_count(kSetting, text);
  return count;
}

// Processor time of this thread, or where that is not told its time on the clock.
std::chrono::steady_clock::duration computed() {
#ifdef CLOCK_THREAD_CPUTIME_ID
  timespec now{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0)
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
#endif
  return std::chrono::steady_clock::now().time_since_epoch();
}

// Does it pay to share work? On a machine that is busy elsewhere workers lose their cores in the middle of
// tasks, and their caller waits for as long as the slices of the others last: one thread may be faster than
// two.
class Sharing {
 public:
  using Clock = std::chrono::steady_clock;

  bool pays(Clock::time_point now) const { return now.time_since_epoch().count() >= alone_until_; }

  void start_anew() {
    shared_ = worked_ = computed_ = all_computed_ = {};
    pause_ = kShortestPause;
    alone_until_ = 0;
  }

  /// A run is over whose caller has worked on `own` of `all` tasks for a time, and `computed` in it, and then
  /// waited. By its caller.
  void note(std::int64_t own, std::int64_t all, Clock::duration worked, Clock::duration computed,
            Clock::duration waited, Clock::time_point now) {
    if (own == 0) return;
    shared_ += worked + waited;
    worked_ += worked;
    computed_ += computed;
    all_computed_ += computed * all / own;
    if (shared_ < kWindow) return;
    // Alone the caller would have lost its core as often as it has while it worked.
    const double alone = static_cast<double>(all_computed_.count()) * static_cast<double>(worked_.count()) /
                         static_cast<double>(std::max<Clock::rep>(1, computed_.count()));
    const bool has_paid = alone > kWorth * static_cast<double>(shared_.count());
    if (!has_paid) alone_until_ = (now + pause_).time_since_epoch().count();
    pause_ = has_paid ? std::max(pause_ / 4, kShortestPause) : std::min(4 * pause_, kLongestPause);
    shared_ = worked_ = computed_ = all_computed_ = {};
  }

 private:
  static constexpr Clock::duration kWindow = std::chrono::milliseconds(10);
  static constexpr double kWorth = 1.1;
  static constexpr Clock::duration kShortestPause = std::chrono::milliseconds(50);
  static constexpr Clock::duration kLongestPause = std::chrono::milliseconds(800);

  // Of the runs of this window.
  Clock::duration shared_{}, worked_{}, computed_{}, all_computed_{};
  Clock::duration pause_ = kShortestPause;
  std::atomic<Clock::rep> alone_until_ = 0;
};

class ThreadPool {
 public:
  // Never destroyed: threads may evaluate while the process ends.
  static ThreadPool& instance() { return *pool(); }

  /// A child of fork() has none of the workers: it gets a pool of its own, which starts them when they are
  /// needed. The parent's is left as it is, for what it waits for never comes.
  static void replace_in_child() {
    evaluations = 0;
    pool() = new ThreadPool(pool()->count());
  }

  int count() const { return count_.load(std::memory_order_relaxed); }

  void resize(int count) {
    if (inside_task) throw Error("set_thread_count: called from within a task");
    const std::lock_guard owner(owner_);
    stop();
    count_ = count;
    sharing_.start_anew();
  }

  void run(std::int64_t tasks, TaskBody body) {
    std::unique_lock owner(owner_, std::defer_lock);
    if (tasks <= 1 || count() == 1 || inside_task || others_need_the_cores() ||
        !sharing_.pays(Sharing::Clock::now()) || !owner.try_lock()) {
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
      leave_this_core();
      { const std::lock_guard lock(mutex_); }
      wake_.notify_all();
    }
    const Sharing::Clock::time_point begin = Sharing::Clock::now();
    const Sharing::Clock::duration before = computed();
    const std::int64_t own = work();
    const Sharing::Clock::time_point worked = Sharing::Clock::now();
    const Sharing::Clock::duration did = computed() - before;
    // All tasks are taken: a worker that has not woken up yet need not be waited for. One that has says so
    // before it looks whether it may join.
    open_ = false;
    for (Worker& worker : workers_) await_end(worker);
    const Sharing::Clock::time_point end = Sharing::Clock::now();
    sharing_.note(own, tasks, worked - begin, did, end - worked, end);
    if (error_) std::rethrow_exception(error_);
  }

 private:
  struct Worker {
    std::thread thread;
    std::atomic<bool> busy = false;  // has joined, or looks whether it may
  };

  explicit ThreadPool(int count) : count_(count) {}
  static ThreadPool*& pool() {
    static ThreadPool* pool = new ThreadPool(initial_count());
    return pool;
  }

  // Where evaluations of other threads keep most cores busy each is done soonest on its own.
  bool others_need_the_cores() const { return evaluations > std::max(1, count() / 2); }

  // Fewer workers than asked for, where the system gives no more, change nothing but the time.
  void start() {
    if (started_) return;
    started_ = true;
    stopping_ = false;
    cores_ = WorkerCores();
    try {
      for (int i = 1; i < count(); ++i) {
        Worker& worker = workers_.emplace_back();
        worker.thread = std::thread([this, &worker, seen = generation_.load()] { loop(worker, seen); });
      }
    } catch (const std::system_error&) {
      workers_.pop_back();
    }
    leave_this_core();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (Worker& worker : workers_) worker.thread.join();
    workers_.clear();
    started_ = false;
  }

  void leave_this_core() {
    for (Worker& worker : workers_) cores_.leave_this_core(worker.thread);
  }

  // On a machine that is busy elsewhere a worker may have lost its core in the middle of a task, for as long
  // as the slices of the others last: this thread, which can but wait, lends it its own.
  void await_end(Worker& worker) {
    for (int spin = 0; worker.busy && spin < kSpins; ++spin) relax();
    if (!worker.busy) return;
    Progress progress(worker.thread);
    progress.stands_still();
    bool is_here = false;
    while (worker.busy) {
      for (int spin = 0; worker.busy && spin < kSpins; ++spin) relax();
      if (worker.busy && !is_here && progress.stands_still()) {
        cores_.come_to_this_core(worker.thread);
        is_here = true;
      }
      std::this_thread::yield();
    }
    if (is_here) cores_.leave_this_core(worker.thread);
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

  void loop(Worker& self, std::uint64_t seen) {
    const FloatEnvironment environment;  // a thread inherits that of its creator
    for (;;) {
      seen = await(seen);
      if (stopping_) return;
      self.busy = true;
      if (open_) work();
      self.busy = false;
    }
  }

  // Returns how many tasks there were for this thread.
  std::int64_t work() {
    for (std::int64_t done = 0;; ++done) {
      const std::int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_) return done;
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
  std::deque<Worker> workers_;
  WorkerCores cores_;
  Sharing sharing_;
  std::atomic<int> count_;
  // Sequentially consistent, these and `busy`: what is written to one is seen before what is read from
  // another.
  std::atomic<std::uint64_t> generation_ = 0;
  std::atomic<bool> open_ = false;  // workers may still join the present run
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

EvaluationScope::EvaluationScope() { ++evaluations; }
EvaluationScope::~EvaluationScope() { --evaluations; }

void replace_pool_in_child() { ThreadPool::replace_in_child(); }

}  // namespace cpu

void set_thread_count(int count) {
  if (count < 1 || count > cpu::kMostThreads) cpu::refuse_count("set_thread_count", std::to_string(count));
  cpu::ThreadPool::instance().resize(count);
}

int thread_count() { return cpu::ThreadPool::instance().count(); }

}  // namespace nabla
