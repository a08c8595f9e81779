#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/module.h"
#include "nn/running_state.h"
#include "nn/update.h"

namespace nabla::nn {

/// Exponential moving average of a module's parameters and buffers after each step, with bias correction:
/// after n steps the values of step i weigh decay^(n-i), normalised to 1, and initial values do not enter.
/// Several averages of one module may stand beside each other, each with a decay of its own.
class Ema {
 public:
  /// @throws Error if decay is outside [0, 1), or a parameter is called as an entry of the state is.
  Ema(const Module& module, double decay);

  /// New values of the average's own cells, given the parameters' (what an optimizer returned) and the
  /// buffers'; a buffer that is not among them stays what it is, and other cells are passed over. Hand all to
  /// one commit(). @throws Error if a parameter is missing.
  std::vector<Update> updates(std::span<const Update> parameter_updates);

  /// The averages, aligned with the module's parameters, and behind them those of its buffers. @throws Error
  /// before the first step (inside compile(), where that is not known, a call before the first step gives
  /// NaN).
  std::vector<Tensor> averages() const;
  /// Gives a module of the same make the averages. @throws Error before the first step or if shapes differ.
  void copy_to(const Module& module) const;

  /// Number of steps committed so far, those of a loaded state included.
  std::int64_t steps() const { return sums_.steps(); }

  /// The sums that the averages are made of, under the names of the module, "steps" (i64, rank 0) and
  /// "options.decay" (f64, rank 0).
  State state() const { return sums_.state(); }
  /// Goes on from a saved state. @throws Error, changing nothing, if an entry is missing, unknown or does not
  /// fit, or, naming both values, if the decay was another.
  void load(const State& state) { sums_.load("ema", state); }

 private:
  std::vector<Parameter> averaged_;  // the parameters, then the buffers
  std::size_t parameters_;           // how many are parameters
  double decay_;
  RunningState sums_;  // sum over steps of decay^(n-i) p_i, aligned with averaged_
};

}  // namespace nabla::nn
