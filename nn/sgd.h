#pragma once

#include <cstdint>
#include <vector>

#include "nn/module.h"
#include "nn/running_state.h"
#include "nn/update.h"

namespace nabla::nn {

struct SgdOptions {
  double momentum = 0;    ///< in [0, 1): share of the velocity that a step keeps
  bool nesterov = false;  ///< steps along the gradient plus momentum times the new velocity; needs a momentum
  double weight_decay = 0;  ///< times a parameter, added to its gradient
};

/// Gradient descent with momentum (Sutskever et al., "On the importance of initialization and momentum in
/// deep learning", 2013), as PyTorch's SGD has it:
///   g = gradient + weight_decay p,  v = momentum v + g,  p = p - rate (nesterov ? g + momentum v : v).
class Sgd {
 public:
  /// Starts with velocities of zero. The module's cells must outlive the optimizer.
  /// @throws Error for a momentum outside [0, 1), none with nesterov, or a negative weight decay.
  explicit Sgd(const Module& module, const SgdOptions& options = {});

  /// New values of all parameters, velocities and the step count for the next step, to be handed to commit().
  /// Parameters come first, in the module's order. The learning rate, of floating type and one element, must
  /// be finite and not negative, which is not checked here. @throws Error if the gradients do not fit the
  /// parameters in number, shape or type, or the learning rate is something else.
  std::vector<Update> updates(const std::vector<Tensor>& gradients, const Tensor& learning_rate);
  /// The same for a number. @throws Error as learning_rate_of() (step_inputs.h) does.
  std::vector<Update> updates(const std::vector<Tensor>& gradients, double learning_rate);

  /// Number of steps committed so far, those of a loaded state included.
  std::int64_t steps() const { return velocities_.steps(); }

  /// "velocity.<parameter>" where there is a momentum, "steps" (i64, rank 0), and the options as
  /// "options.momentum" and so on (f64, rank 0).
  State state() const { return velocities_.state(); }
  /// Goes on from a saved state. @throws Error, changing nothing, if an entry is missing, unknown or does not
  /// fit, or, naming both values, if an option was another.
  void load(const State& state) { velocities_.load("sgd", state); }

 private:
  std::vector<Parameter> parameters_;
  SgdOptions options_;
  RunningState velocities_;  // aligned with the parameters, none without momentum
};

}  // namespace nabla::nn
