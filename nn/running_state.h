#pragma once

#include <cstdint>
#include <string_view>

#include "nn/module.h"
#include "nn/state.h"

namespace nabla::nn {

/// What an optimizer or an average carries from step to step: named values that are committed together, and
/// how many steps they hold.
class RunningState : public Module {
 public:
  /// A new value that starts at zero.
  Cell& add(std::string name, const Tensor& like);

  /// Number of steps that were committed, those of a loaded state included; updates that are built and never
  /// committed do not count.
  std::int64_t steps() const;
  /// All values, and "steps" (i64, rank 0).
  State state() const;
  /// Goes on from a state. @throws Error, before anything has changed, naming `what` and the entry that is
  /// missing, unknown or does not fit.
  void load(std::string_view what, const State& state);

 private:
  // The values themselves tell how many steps they hold, so that a count cannot run ahead of them.
  std::int64_t commits() const;

  std::int64_t steps_before_ = 0;  // steps of the loaded state, less the commits until then
};

}  // namespace nabla::nn
