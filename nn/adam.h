#pragma once

#include <cstdint>
#include <vector>

#include "nn/module.h"
#include "nn/running_state.h"
#include "nn/update.h"

namespace nabla::nn {

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  /// Decoupled: every step also shrinks a parameter by learning rate times this (AdamW). 0 is plain Adam.
  double weight_decay = 0;
};

/// Adam with bias correction (Kingma and Ba, arXiv 1412.6980, algorithm 1), and AdamW (Loshchilov and Hutter,
/// arXiv 1711.05101, algorithm 2) where weight_decay > 0.
///
/// The moments are kept without their factors 1 - beta, which are folded into the step's scalars together
/// with the bias corrections: the update is the same in exact arithmetic and takes fewer passes over the
/// parameters.
class Adam {
 public:
  /// Starts with moments of zero. The module's cells must outlive the optimizer.
  /// @throws Error for betas outside [0, 1), epsilon <= 0 or a negative weight decay.
  explicit Adam(const Module& module, const AdamOptions& options = {});

  /// New values of all parameters, moments and the step count for the next step, to be handed to commit().
  /// Parameters come first, in the module's order. The learning rate, of floating type and one element, is
  /// used in f64; it must be finite and not negative, which is not checked here.
  /// @throws Error if the gradients do not fit the parameters in number, shape or type, or the learning rate
  /// is something else.
  std::vector<Update> updates(const std::vector<Tensor>& gradients, const Tensor& learning_rate);
  /// The same for a number. @throws Error also as learning_rate_of() (step_inputs.h) does.
  std::vector<Update> updates(const std::vector<Tensor>& gradients, double learning_rate);

  /// Number of steps committed so far, those of a loaded state included.
  std::int64_t steps() const { return moments_.steps(); }

  /// "first.<parameter>" and "second.<parameter>", the moments as they are kept, "steps" (i64, rank 0), and
  /// the options as "options.beta1" and so on (f64, rank 0).
  State state() const { return moments_.state(); }
  /// Goes on from a saved state. @throws Error, changing nothing, if an entry is missing, unknown or does not
  /// fit, or, naming both values, if an option was another.
  void load(const State& state) { moments_.load("adam", state); }

 private:
  std::vector<Parameter> parameters_;
  AdamOptions options_;
  RunningState moments_;
  std::vector<Cell*> first_moments_;  // in moments_, aligned with the parameters
  std::vector<Cell*> second_moments_;
};

}  // namespace nabla::nn
