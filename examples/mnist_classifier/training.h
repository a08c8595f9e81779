#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "examples/mnist_classifier/dataset.h"
#include "examples/mnist_classifier/network.h"
#include "examples/mnist_classifier/options.h"
#include "nn/nn.h"

namespace nabla::mnist_classifier {

/// The training of a classifier on randomly shifted images: cross entropy, AdamW, a learning rate that rises
/// and falls along a cosine, a moving average of the parameters. A step depends on nothing but its number,
/// the seed and the state, so that a training that goes on from a saved state is the same to the last bit.
class Training {
 public:
  /// Trains on the images of `data` that are there for it. @throws Error if they fill no batch.
  Training(const Dataset& data, const Options& options);
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  const std::string& data() const { return data_; }  ///< describe() of it
  std::int64_t parameter_count() const { return network_.parameter_count(); }
  std::int64_t steps_done() const { return adam_.steps(); }
  std::int64_t steps() const { return schedule_.options().total_steps; }  ///< at the end
  std::int64_t steps_per_epoch() const { return batches_.per_epoch(); }
  bool finished() const { return steps_done() >= steps(); }
  /// Takes one step. @throws Error if its loss is not finite.
  void step();

  /// The loss of each step, on the images as they were shifted for it.
  const std::vector<double>& losses() const { return losses_; }
  /// Gives a network of the same make the averaged parameters. @throws Error before the first step.
  void copy_average_to(const Classifier& network) const { ema_.copy_to(network); }

  /// Parameters, optimizer, average and losses; what the seed decides follows from it.
  nn::State state() const;
  /// Goes on from there. @throws Error if an entry is missing or does not fit.
  void load(const nn::State& state);

 private:
  Tensor update(const std::vector<Tensor>& inputs);

  std::string data_;
  Tensor key_;
  Classifier network_;
  nn::Adam adam_;
  nn::Ema ema_;
  nn::Batches batches_;
  nn::WarmupCosine schedule_;
  std::function<Tensor(const std::vector<Tensor>&)> compiled_update_;
  std::vector<double> losses_;
};

}  // namespace nabla::mnist_classifier
