#include "tests/cuda/block_runner.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/backend/cpu/vector_math/vector_math.h"
#include "tests/cuda/fault_signals.h"
#include "tests/cuda/fiber.h"

namespace nabla::cuda::host {

namespace {

constexpr int kLanes = 32;
constexpr char kPoison = '\xff';  // NaN and -1

/// The barrier or shuffle at which a thread waits.
struct Call {
  enum class Kind { none, block_barrier, warp_barrier, shuffle, ballot };
  Kind kind = Kind::none;
  int line = 0;
  unsigned mask = 0;
  int shuffle_kind = 0;
  int lane = 0;
  int width = 0;
  std::uint64_t value = 0;

  bool meets(const Call& other) const {
    return kind == other.kind && line == other.line && mask == other.mask &&
           shuffle_kind == other.shuffle_kind && width == other.width;
  }
};

const char* name_of(const Call& call) {
  constexpr std::array kShuffles = {"__shfl_sync", "__shfl_up_sync", "__shfl_down_sync", "__shfl_xor_sync"};
  switch (call.kind) {
    case Call::Kind::block_barrier:
      return "__syncthreads";
    case Call::Kind::warp_barrier:
      return "__syncwarp";
    case Call::Kind::shuffle:
      return kShuffles[call.shuffle_kind];
    case Call::Kind::ballot:
      return "__ballot_sync";
    case Call::Kind::none:
      break;
  }
  return "nothing";
}

std::string described(const Call& call) {
  return std::string(name_of(call)) + " (line " + std::to_string(call.line) + ")";
}

struct Thread {
  Call call;
  Fiber* fiber = nullptr;  // whose stack it waits on
  std::uint64_t result = 0;
};

/// The kernel that runs, its present block and what its threads wait for. A fiber runs threads until one of
/// them has to wait, which then keeps it; so a kernel without barriers needs one.
class Runner {
 public:
  void run(const Library& library, const Entry& entry, std::int64_t blocks, int threads,
           std::span<const std::uint64_t> arguments, Order order);

  std::uint64_t arrive(const Call& call);
  /// In a signal handler: the thread that runs has failed. @return if none does.
  void fault(int signal, const void* address);

 private:
  void run_block();
  void resume(Fiber& fiber);
  Fiber& fresh_fiber();
  void complete_barrier(const Call& call);
  void complete_warp(const Call& call, int thread);
  std::uint64_t shuffled(int thread);
  void release(int thread);
  [[noreturn]] void fail(const std::string& what, const void* address = nullptr);
  [[noreturn]] void fail_waiting();
  std::string place() const { return "thread " + std::to_string(library_->thread->x); }

  const Library* library_ = nullptr;
  const Entry* entry_ = nullptr;
  std::span<const std::uint64_t> arguments_;
  int first_ = 0, end_ = 0, step_ = 1;
  int next_ = 0;
  std::vector<Thread> threads_;
  int at_barrier_ = 0;
  std::array<unsigned, 32> waiting_lanes_{};  // of each warp
  std::deque<int> ready_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  Fiber* running_ = nullptr;
  std::string error_;
  const void* error_address_ = nullptr;
};

Runner& runner() {
  static Runner instance;
  return instance;
}

void Runner::run(const Library& library, const Entry& entry, std::int64_t blocks, int threads,
                 std::span<const std::uint64_t> arguments, Order order) {
  library_ = &library;
  entry_ = &entry;
  arguments_ = arguments;
  const bool is_forward = order == Order::forward;
  first_ = is_forward ? 0 : threads - 1;
  end_ = is_forward ? threads : -1;
  step_ = is_forward ? 1 : -1;
  threads_.assign(threads, {});
  *library.block_extent = {static_cast<unsigned>(threads), 1, 1};
  *library.grid_extent = {static_cast<unsigned>(blocks), 1, 1};
  for (std::int64_t i = 0; i < blocks; ++i) {
    *library.block = {static_cast<unsigned>(is_forward ? i : blocks - 1 - i), 0, 0};
    run_block();
  }
}

void Runner::run_block() {
  std::fill(library_->shared_begin, library_->shared_end, kPoison);
  std::fill(entry_->shared_begin, entry_->shared_end, kPoison);
  idle_.clear();
  for (const auto& fiber : fibers_) idle_.push_back(fiber.get());
  at_barrier_ = 0;
  waiting_lanes_ = {};
  ready_.clear();
  next_ = first_;
  while (next_ != end_ || !ready_.empty()) {
    if (next_ != end_) {
      resume(fresh_fiber());
      continue;
    }
    const int thread = ready_.front();
    ready_.pop_front();
    library_->thread->x = static_cast<unsigned>(thread);
    resume(*threads_[thread].fiber);
  }
  for (const Thread& thread : threads_)
    if (thread.call.kind != Call::Kind::none) fail_waiting();
}

Fiber& Runner::fresh_fiber() {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>());
    idle_.push_back(fibers_.back().get());
  }
  Fiber& fiber = *idle_.back();
  idle_.pop_back();
  fiber.start(
      [](void* self) {
        const auto& r = *static_cast<Runner*>(self);
        r.entry_->threads(reinterpret_cast<const unsigned long long*>(r.arguments_.data()),
                          &static_cast<Runner*>(self)->next_, r.end_, r.step_);
      },
      this);
  return fiber;
}

void Runner::resume(Fiber& fiber) {
  running_ = &fiber;
  const bool has_ended = fiber.resume();
  running_ = nullptr;
  if (!error_.empty()) {
    const std::string error = std::exchange(error_, {});
    fail(error, std::exchange(error_address_, nullptr));
  }
  if (has_ended) idle_.push_back(&fiber);
}

void Runner::release(int thread) {
  threads_[thread].call = {};
  ready_.push_back(thread);
}

/// Waits, in the thread that runs, until all others that the call is about have called it too.
std::uint64_t Runner::arrive(const Call& call) {
  const int thread = static_cast<int>(library_->thread->x);
  Thread& self = threads_[thread];
  self.call = call;
  self.fiber = running_;
  if (call.kind == Call::Kind::block_barrier) {
    if (++at_barrier_ == static_cast<int>(threads_.size())) complete_barrier(call);
  } else {
    complete_warp(call, thread);
  }
  // The one that completes waits for its turn like the others.
  running_->suspend();
  return self.result;
}

/// All threads are at a barrier.
void Runner::complete_barrier(const Call& call) {
  for (const Thread& other : threads_)
    if (!other.call.meets(call)) {
      error_ = place() + " is at " + described(call) + ", another thread at " + described(other.call);
      return;
    }
  at_barrier_ = 0;
  for (int t = first_; t != end_; t += step_) release(t);
}

/// A thread has arrived at a call of its warp, which may be the last one.
void Runner::complete_warp(const Call& call, int thread) {
  const int first_lane = thread / kLanes * kLanes;
  const int lane = thread % kLanes;
  unsigned& waiting = waiting_lanes_[thread / kLanes];
  waiting |= 1U << lane;
  if ((call.mask >> lane & 1U) == 0)
    error_ = place() + " calls " + described(call) + " without being in its mask";
  if ((waiting & call.mask) != call.mask || !error_.empty()) return;
  unsigned ballot = 0;
  for (int l = 0; l < kLanes; ++l) {
    if ((call.mask >> l & 1U) == 0) continue;
    const Call& other = threads_[first_lane + l].call;
    if (!other.meets(call)) {
      error_ = place() + " calls " + described(call) + ", lane " + std::to_string(l) + " of its warp " +
               described(other) + (other.mask != call.mask ? " with another mask" : "");
      return;
    }
    if (other.value != 0) ballot |= 1U << l;
  }
  for (int l = 0; l < kLanes; ++l) {
    if ((call.mask >> l & 1U) == 0) continue;
    std::uint64_t& result = threads_[first_lane + l].result;
    if (call.kind == Call::Kind::ballot) result = ballot;
    if (call.kind == Call::Kind::shuffle) result = shuffled(first_lane + l);
  }
  waiting &= ~call.mask;
  for (int l = step_ > 0 ? 0 : kLanes - 1; l >= 0 && l < kLanes; l += step_)
    if ((call.mask >> l & 1U) != 0) release(first_lane + l);
}

std::uint64_t Runner::shuffled(int thread) {
  const Call& call = threads_[thread].call;
  const int lane = thread % kLanes;
  const int segment = lane / call.width * call.width;
  int source = 0;
  switch (call.shuffle_kind) {
    case 0:
      source = segment + (call.lane & (call.width - 1));
      break;
    case 1:
      source = lane - call.lane < segment ? lane : lane - call.lane;
      break;
    case 2:
      source = lane + call.lane >= segment + call.width ? lane : lane + call.lane;
      break;
    default:
      source = (lane ^ call.lane) >= segment + call.width ? lane : lane ^ call.lane;
      break;
  }
  if ((call.mask >> source & 1U) == 0)
    error_ = "lane " + std::to_string(lane) + " reads, in " + described(call) + ", lane " +
             std::to_string(source) + ", which is not in the mask";
  return threads_[thread - lane + source].call.value;
}

void Runner::fault(int signal, const void* address) {
  if (running_ == nullptr) return;
  if (signal == SIGFPE) {
    error_ = place() + " divides an integer by zero";
  } else if (signal == SIGILL) {
    error_ = place() + " traps";
  } else if (running_->overflows_at(address)) {
    error_ = place() + " overflows its stack";
  } else {
    error_ = place() + " accesses memory that it may not";
    error_address_ = address;
  }
  running_->suspend();
}

void Runner::fail(const std::string& what, const void* address) {
  throw KernelError(
      "kernel " + std::string(entry_->name) + ", block " + std::to_string(library_->block->x) + ": " + what,
      address);
}

void Runner::fail_waiting() {
  for (std::size_t t = 0; t < threads_.size(); ++t) {
    const Call& call = threads_[t].call;
    if (call.kind == Call::Kind::none) continue;
    std::string missing;
    const std::size_t begin = call.kind == Call::Kind::block_barrier ? 0 : t / kLanes * kLanes;
    const std::size_t end = call.kind == Call::Kind::block_barrier ? threads_.size() : begin + kLanes;
    for (std::size_t other = begin; other < end && missing.empty(); ++other) {
      const bool is_wanted =
          call.kind == Call::Kind::block_barrier || (call.mask >> (other % kLanes) & 1U) != 0;
      if (!is_wanted || threads_[other].call.meets(call)) continue;
      missing = "thread " + std::to_string(other);
      const Call& at = threads_[other].call;
      missing += at.kind == Call::Kind::none ? ", which has returned" : ", which waits at " + described(at);
    }
    fail("thread " + std::to_string(t) + " waits at " + described(call) + " for " + missing);
  }
  fail("threads wait for nothing");
}

Call warp_call(Call::Kind kind, unsigned mask, int line) {
  Call call;
  call.kind = kind;
  call.mask = mask;
  call.line = line;
  return call;
}

template <class T>
constexpr std::array<T (*)(T), 10> kUnary = {
    [](T x) { return cpu::exp(x); },   [](T x) { return cpu::log(x); },
    [](T x) { return cpu::expm1(x); }, [](T x) { return cpu::log1p(x); },
    [](T x) { return cpu::sin(x); },   [](T x) { return cpu::cos(x); },
    [](T x) { return cpu::tanh(x); },  [](T x) { return cpu::erf(x); },
    [](T x) { return cpu::erfc(x); },  [](T x) { return cpu::normal_cdf(x); },
};

Runtime make_runtime() {
  Runtime result{};
  result.block_barrier = [](int line) { runner().arrive(warp_call(Call::Kind::block_barrier, 0, line)); };
  result.warp_barrier = [](unsigned mask, int line) {
    runner().arrive(warp_call(Call::Kind::warp_barrier, mask, line));
  };
  result.shuffle = [](unsigned mask, unsigned long long value, int kind, int lane, int width,
                      int line) -> unsigned long long {
    Call call = warp_call(Call::Kind::shuffle, mask, line);
    call.value = value;
    call.shuffle_kind = kind;
    call.lane = lane;
    call.width = width;
    return runner().arrive(call);
  };
  result.ballot = [](unsigned mask, int predicate, int line) {
    Call call = warp_call(Call::Kind::ballot, mask, line);
    call.value = predicate != 0 ? 1 : 0;
    return static_cast<unsigned>(runner().arrive(call));
  };
  for (std::size_t i = 0; i < kUnary<float>.size(); ++i) {
    result.unary_f32[i] = kUnary<float>[i];
    result.unary_f64[i] = kUnary<double>[i];
  }
  result.pow_f32 = [](float x, float y) { return cpu::pow(x, y); };
  result.pow_f64 = [](double x, double y) { return cpu::pow(x, y); };
  return result;
}

}  // namespace

const Runtime& runtime() {
  static const Runtime instance = make_runtime();
  return instance;
}

void run_blocks(const Library& library, const Entry& entry, std::int64_t blocks, int threads,
                std::span<const std::uint64_t> arguments, Order order) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const FaultSignals signals([](int signal, const void* address) { runner().fault(signal, address); });
  runner().run(library, entry, blocks, threads, arguments, order);
}

}  // namespace nabla::cuda::host
