#include "flow/step_control.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace nabla::flow {
namespace {

constexpr double kSafety = 0.9;
constexpr double kShrink = 0.2;  // a step changes by no more than these factors at once
constexpr double kGrow = 5;
constexpr double kBeta = 0.04;  // weight of the error before, which damps oscillation

}  // namespace

StepControl::StepControl(double from, double to, const AdaptiveOptions& options, DType dtype)
    : time_(from),
      to_(to),
      direction_(to < from ? -1 : 1),
      longest_(std::min(options.max_step, std::abs(to - from))),
      limit_(options.max_steps),
      alpha_(1. / order_of(options.solver) - 0.75 * kBeta) {
  const double rounding = dtype == DType::f64 ? std::numeric_limits<double>::epsilon()
                                              : static_cast<double>(std::numeric_limits<float>::epsilon());
  shortest_ = std::min(10 * rounding * std::max(std::abs(from), std::abs(to)), longest_);
  if (from == to) status_ = Status::done;
}

double StepControl::remaining() const { return std::abs(to_ - time_); }

void StepControl::start(double length) { length_ = std::clamp(length, shortest_, longest_); }

double StepControl::next_time() const {
  if (!running()) return time_;
  // A last step may be a little longer rather than leave a splinter.
  return remaining() <= 1.01 * length_ ? to_ : time_ + direction_ * length_;
}

bool StepControl::judge(double error) {
  const bool good = error <= 1;
  const double by_error = std::pow(error, alpha_);
  if (good) {
    time_ = next_time();
    ++accepted_;
    double factor = kGrow;
    if (error > 0)
      factor =
          std::clamp(kSafety * std::pow(last_error_, kBeta) / by_error, kShrink, last_rejected_ ? 1 : kGrow);
    else if (last_rejected_)
      factor = 1;
    length_ = std::clamp(length_ * factor, shortest_, longest_);
    last_error_ = std::max(error, 1e-4);
    if (time_ == to_) status_ = Status::done;
  } else {
    ++rejected_;
    length_ *= std::isfinite(error) ? std::max(kSafety / by_error, kShrink) : kShrink;
    if (length_ < shortest_) status_ = std::isfinite(error) ? Status::step_underflow : Status::not_finite;
  }
  last_rejected_ = !good;
  if (running() && accepted_ + rejected_ >= limit_) status_ = Status::step_limit;
  return good;
}

}  // namespace nabla::flow
