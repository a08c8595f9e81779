#pragma once

#include "engine/backend/cuda/source/device/types.cuh"

// N adjacent elements: one access where they are aligned, else one for each.
template <int N, class T>
__device__ __forceinline__ Vec<T, N> load_run(const T* from) {
  if (reinterpret_cast<u64>(from) % sizeof(Vec<T, N>) == 0) return *reinterpret_cast<const Vec<T, N>*>(from);
  Vec<T, N> run;
  for (int k = 0; k < N; ++k) run.at[k] = from[k];
  return run;
}
template <int N, class T>
__device__ __forceinline__ void store_run(T* to, const Vec<T, N>& run) {
  if (reinterpret_cast<u64>(to) % sizeof(Vec<T, N>) == 0) {
    *reinterpret_cast<Vec<T, N>*>(to) = run;
    return;
  }
  for (int k = 0; k < N; ++k) to[k] = run.at[k];
}
