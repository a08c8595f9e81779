#pragma once

#include <cstdint>
#include <vector>

#include "nn/module.h"
#include "nn/running_state.h"
#include "nn/update.h"

namespace nabla::nn {

/// Gradients of several batches, one after the other, for one step of an optimizer: a large batch in the
/// memory of a small one. For all batches of a step but the last
///   commit(accumulator.add(gradients));
/// and with the last
///   const MeanGradients mean = accumulator.take(gradients);
///   updates = optimizer.updates(mean.gradients, rate), commit(updates and mean.updates).
class GradientAccumulator {
 public:
  /// Starts with no batch. @throws Error if a parameter is called as an entry of the state is.
  explicit GradientAccumulator(const Module& module);

  /// Adds the gradients of a batch: new values of the accumulator's own cells. @throws Error if the gradients
  /// do not fit the parameters in number, shape or type.
  std::vector<Update> add(const std::vector<Tensor>& gradients);

  struct MeanGradients {
    std::vector<Tensor> gradients;  ///< the mean over the batches that were added and the last
    std::vector<Update> updates;    ///< start over, with no batch
  };
  /// The mean, with the gradients of the last batch. @throws Error as add() does.
  MeanGradients take(const std::vector<Tensor>& gradients);

  /// Number of batches added since the last step.
  std::int64_t batches() const { return sums_.steps(); }

  /// The sums under the parameters' names, and "steps" (i64, rank 0), the number of batches in them.
  State state() const { return sums_.state(); }
  /// Goes on from a saved state. @throws Error, changing nothing, if an entry is missing, unknown or does not
  /// fit.
  void load(const State& state) { sums_.load("gradient accumulator", state); }

 private:
  std::vector<Parameter> parameters_;
  RunningState sums_;  // aligned with the parameters
};

}  // namespace nabla::nn
