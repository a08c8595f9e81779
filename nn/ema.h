#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "nn/module.h"
#include "nn/update.h"

namespace nabla::nn {

/// Exponential moving average of a module's parameters after each step, with bias correction: after n steps
/// the values of step i weigh decay^(n-i), normalised to 1, and initial values do not enter.
class Ema {
 public:
  /// @throws Error if decay is outside [0, 1).
  Ema(const Module& module, double decay);

  /// New values of the average's own cells, given the parameters' (what an optimizer returned; other cells in
  /// it are passed over). Hand both to one commit(). @throws Error if a parameter is missing.
  std::vector<Update> updates(std::span<const Update> parameter_updates);

  /// The averages, aligned with the module's parameters. @throws Error before the first step.
  std::vector<Tensor> averages() const;
  /// Gives a module of the same make the averages. @throws Error before the first step or if shapes differ.
  void copy_to(const Module& module) const;

  /// Number of steps committed so far; updates that are built and never committed do not count.
  std::int64_t steps() const;

 private:
  std::vector<Parameter> parameters_;
  double decay_;
  std::deque<Cell> sums_;  // sum over steps of decay^(n-i) p_i
};

}  // namespace nabla::nn
