#include "nn/batches.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "engine/compile/trace.h"
#include "engine/ops/indexing.h"
#include "engine/ops/random.h"
#include "engine/plan/evaluate.h"

namespace nabla::nn {

// Makes batches, one at a time.
class Batches::Maker {
 public:
  Maker(std::vector<Tensor> data, const Tensor& key, BatchesOptions options)
      : data_(std::move(data)), key_(key.detach()), options_(std::move(options)) {
    for (const Tensor& part : data_)
      if (part.rank() < 1 || part.shape()[0] != data_[0].shape()[0])
        throw Error("batches: the data " + to_string(part.shape()) + " have not as many samples as " +
                    to_string(data_[0].shape()) + " on the outermost axis");
    if (data_.empty() || options_.size < 1 || options_.prefetch < 0)
      throw Error("batches: " + std::to_string(data_.size()) + " tensors in batches of " +
                  std::to_string(options_.size) + ", " + std::to_string(options_.prefetch) +
                  " ahead; there must be one and a sample a batch, and none can be negative");
    if (per_epoch() == 0)
      throw Error("batches: " + std::to_string(samples()) + " samples fill no batch of " +
                  std::to_string(options_.size));
  }

  std::int64_t per_epoch() const {
    return (samples() + (options_.keep_last ? options_.size - 1 : 0)) / options_.size;
  }

  std::vector<Tensor> make(std::int64_t step) {
    const std::int64_t epoch = step / per_epoch(), first = step % per_epoch() * options_.size;
    const std::int64_t count = std::min(options_.size, samples() - first);
    std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
    if (options_.shuffle && epoch != epoch_) {
      order_ = permutation(fold_in(fold_in(key_, 0), epoch), samples()).to_vector<std::int64_t>();
      epoch_ = epoch;
    }
    for (std::int64_t i = 0; i < count; ++i)
      rows[static_cast<std::size_t>(i)] =
          options_.shuffle ? order_[static_cast<std::size_t>(first + i)] : first + i;
    const Tensor chosen = tensor(rows, Shape{count});
    std::vector<Tensor> parts;
    for (const Tensor& part : data_) parts.push_back(take(part, chosen));
    if (options_.transform) parts = options_.transform(parts, fold_in(fold_in(key_, 1), step));
    evaluate(parts);
    for (Tensor& part : parts) part = part.detach();
    return parts;
  }

  std::int64_t prefetch() const { return options_.prefetch; }

 private:
  std::int64_t samples() const { return data_[0].shape()[0]; }

  std::vector<Tensor> data_;
  Tensor key_;
  BatchesOptions options_;
  std::int64_t epoch_ = -1;          // of order_
  std::vector<std::int64_t> order_;  // of the samples
};

// A thread that makes the batches of the steps to come.
class Batches::Ahead {
 public:
  explicit Ahead(Maker& maker) : maker_(maker), thread_([this] { work(); }) {}
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;
  ~Ahead() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  std::vector<Tensor> at(std::int64_t step) {
    std::unique_lock lock(mutex_);
    while (!ready_.empty() && ready_.front().step != step) ready_.pop_front();
    if (ready_.empty() && next_ != step) next_ = step;  // what is being made for another is thrown away
    wanted_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !ready_.empty(); });
    const Ready ready = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    changed_.notify_all();
    if (ready.failure) std::rethrow_exception(ready.failure);
    return ready.parts;
  }

 private:
  struct Ready {
    std::int64_t step;
    std::vector<Tensor> parts;
    std::exception_ptr failure;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] {
        return stopped_ || (wanted_ && static_cast<std::int64_t>(ready_.size()) < maker_.prefetch());
      });
      if (stopped_) return;
      const std::int64_t step = next_;
      lock.unlock();
      Ready ready{step, {}, nullptr};
      try {
        ready.parts = maker_.make(step);
      } catch (...) {
        ready.failure = std::current_exception();
      }
      lock.lock();
      if (step != next_) continue;
      ++next_;
      ready_.push_back(std::move(ready));
      changed_.notify_all();
    }
  }

  Maker& maker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Ready> ready_;  // of steps one after the other, the last of them next_ - 1
  std::int64_t next_ = 0;    // step to be made
  bool wanted_ = false;      // whether a step was asked for: before, nobody knows which is first
  bool stopped_ = false;
  std::thread thread_;  // last: it uses all of the above
};

Batches::Batches(std::vector<Tensor> data, const Tensor& key, BatchesOptions options)
    : maker_(std::make_unique<Maker>(std::move(data), key, std::move(options))) {
  if (maker_->prefetch() > 0) ahead_ = std::make_unique<Ahead>(*maker_);
}

Batches::~Batches() = default;

std::int64_t Batches::per_epoch() const { return maker_->per_epoch(); }

std::vector<Tensor> Batches::at(std::int64_t step) {
  if (step < 0) throw Error("batches: step " + std::to_string(step));
  if (tracing())
    throw Error("batches: inside compile a batch would stay that of the first call; pass it as an argument");
  return ahead_ ? ahead_->at(step) : maker_->make(step);
}

}  // namespace nabla::nn
