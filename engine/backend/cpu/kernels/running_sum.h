#pragma once

#include "engine/backend/cpu/kernels/sum_order.h"

namespace nabla::cpu {

/// A sum that grows term by term in the order in which they come, for who needs it in between or cannot wait
/// for all of them. That of f64 carries beside it what rounding takes from it (Knuth), so that it is right to
/// a rounding or two after any number of terms.
template <class T>
class RunningSum {
 public:
  NABLAFLOW_INLINED void add(T term) { sum_ += static_cast<Accumulator<T>>(term); }
  NABLAFLOW_INLINED T value() const { return static_cast<T>(sum_); }

 private:
  Accumulator<T> sum_{};
};

template <>
class RunningSum<double> {
 public:
  NABLAFLOW_INLINED void add(double term) {
    const double next = sum_ + term;
    const double added = next - sum_;
    rest_ += (sum_ - (next - added)) + (term - added);
    sum_ = next;
  }
  /// The rest of what is infinite or NaN is NaN.
  NABLAFLOW_INLINED double value() const { return rest_ == rest_ ? sum_ + rest_ : sum_; }

 private:
  double sum_ = 0;
  double rest_ = 0;
};

}  // namespace nabla::cpu
