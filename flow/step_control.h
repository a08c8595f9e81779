#pragma once

#include <cstdint>
#include <optional>

#include "engine/tensor/dtype.h"
#include "flow/adaptive_step.h"

namespace nabla::flow {

/// Keeps the time of one sample and chooses the lengths of its steps, in f64 on the host: the PI controller
/// of Hairer, Norsett and Wanner's DOPRI5 ("Solving ordinary differential equations I", II.4 and appendix).
/// The estimated error of a step is taken to fall with its length to the power of options.solver's order.
class StepControl {
 public:
  /// From time `from` to time `to`, for a state of type `dtype`. Nothing is left to do if the two are equal.
  StepControl(double from, double to, const AdaptiveOptions& options, DType dtype);

  /// The length of the first step, which is cut to what is allowed.
  void start(double length);
  /// Gives up.
  void stop(Status status) { status_ = status; }

  bool running() const { return !status_; }
  double time() const { return time_; }
  /// Where the next attempt ends; a sample that does not run stays.
  double next_time() const;
  /// What the attempt to reach next_time() came to: it is accepted if its error, in units of what is allowed,
  /// is at most 1. NaN and infinity are errors, which shorter steps may avoid. Returns whether it was.
  bool judge(double error);

  /// What is left of the interval.
  double remaining() const;
  /// The sign of time, 1 or -1.
  double direction() const { return direction_; }
  /// How it ended; only once it does not run.
  Status status() const { return *status_; }
  std::int64_t accepted() const { return accepted_; }
  std::int64_t rejected() const { return rejected_; }

 private:
  double time_;
  double to_;
  double direction_;
  double shortest_;  // below it, times of the type run together
  double longest_;
  std::int64_t limit_;
  double alpha_;  // weight of the error: 1 / order less what the damping takes over
  double length_ = 0;
  double last_error_ = 1e-4;  // of the last accepted step, kept from being too small
  bool last_rejected_ = false;
  std::int64_t accepted_ = 0;
  std::int64_t rejected_ = 0;
  std::optional<Status> status_;
};

}  // namespace nabla::flow
