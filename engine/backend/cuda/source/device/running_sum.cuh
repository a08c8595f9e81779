#pragma once

#include "engine/backend/cuda/source/device/elementary.cuh"

// A sum that grows term by term. That of double carries beside it what rounding takes from it (Knuth); what
// is infinite or NaN has NaN there.
template <class T>
struct RunningSum {
  typename Accumulator<T>::type sum = 0;
  __device__ __forceinline__ void add(T term) {
    sum = scalar::add(sum, static_cast<typename Accumulator<T>::type>(term));
  }
  __device__ __forceinline__ T value() const { return static_cast<T>(sum); }
};
template <>
struct RunningSum<double> {
  double sum = 0, rest = 0;
  __device__ __forceinline__ void add(double term) {
    const double next = sum + term, added = next - sum;
    rest += (sum - (next - added)) + (term - added);
    sum = next;
  }
  __device__ __forceinline__ double value() const { return rest == rest ? sum + rest : sum; }
};
