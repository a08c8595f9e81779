#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ops/pointwise.h"
#include "nn/module.h"
#include "nn/state.h"
#include "nn/update.h"

namespace nabla::nn {

/// What an optimizer or an average carries from step to step: named values that are committed together, and
/// how many steps they hold.
class RunningState : public Module {
 public:
  RunningState();
  /// A new value that starts at zero. @throws Error for a name that the steps or options have in a state.
  Cell& add(std::string name, const Tensor& like);
  /// Makes a number that the values depend on part of the state: another one is refused by load().
  void add_option(std::string name, double value);

  /// Number of steps that were committed, those of a loaded state included; updates that are built and never
  /// committed do not count. @throws Error while compile() traces; step_count() is what is known then.
  std::int64_t steps() const;
  /// The same as a tensor: i64, rank 0.
  Tensor step_count() const { return steps_->get(); }
  /// Counts the step that it is committed with.
  Update next_step() const { return {steps_.get(), steps_->get() + 1}; }
  /// Starts the count over.
  Update no_steps() const;
  /// All values, "steps" (i64, rank 0) and "options.<name>" (f64, rank 0).
  State state() const;
  /// Goes on from a state. @throws Error, before anything has changed, naming `what` and the entry that is
  /// missing, unknown or does not fit, or both values of an option that was another.
  void load(std::string_view what, const State& state);

 private:
  struct Option {
    std::string name;  // in a state
    double value;
  };

  std::unique_ptr<Cell> steps_;  // no parameter: those are of floating type
  std::vector<Option> options_;
};

}  // namespace nabla::nn
