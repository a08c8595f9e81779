#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::nn {

struct BatchesOptions {
  std::int64_t size = 64;  ///< samples a batch
  bool shuffle = true;     ///< every epoch in an order of its own; else in that of the data
  bool keep_last = false;  ///< whether samples that fill no batch are a smaller one, or left out of the epoch
  std::int64_t prefetch = 2;  ///< batches that a thread makes ahead; 0: each when it is asked for
  /// What the parts of a batch go through when it is made, with a key of its own; none: they stay what they
  /// are. Called on the thread that makes batches, by one call at a time.
  std::function<std::vector<Tensor>(const std::vector<Tensor>& parts, const Tensor& key)> transform = nullptr;
};

/// Batches of samples, epoch by epoch: every sample once in each epoch, in an order drawn from the key. A
/// batch depends on the key and the number of its step alone, so that training that goes on at a step sees
/// what it would have seen.
class Batches {
 public:
  /// Of data whose outermost axes are the samples: images and their labels, say.
  /// @throws Error unless there is data, all of one number of samples, enough for a batch, and size is
  /// positive and prefetch not negative.
  Batches(std::vector<Tensor> data, const Tensor& key, BatchesOptions options = {});
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;
  ~Batches();

  /// The number of batches in an epoch: step s is batch s % per_epoch() of epoch s / per_epoch().
  std::int64_t per_epoch() const;
  /// The batch of a step, 0 or more, evaluated: a part for each of the data, [size, ..]. Asked for step by
  /// step it comes from those made ahead; another step starts over there. For one thread at a time.
  /// @throws Error for a negative step, inside compile(), and what making the batch threw.
  std::vector<Tensor> at(std::int64_t step);

 private:
  class Maker;
  class Ahead;
  std::unique_ptr<Maker> maker_;
  std::unique_ptr<Ahead> ahead_;  // null where nothing is made ahead
};

}  // namespace nabla::nn
