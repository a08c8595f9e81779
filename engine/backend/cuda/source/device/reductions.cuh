#pragma once

#include "engine/backend/cuda/source/device/elementary.cuh"

// Reductions among the threads of a warp or block.

struct SumOf {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return scalar::add(a, b);
  }
};
struct MaxOf {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return scalar::max(a, b);
  }
};
struct MinOf {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return scalar::min(a, b);
  }
};

// Of the values of kLanes adjacent threads of a warp, for all of them; the whole warp must call it.
template <class Op, int kLanes = 32, class T>
__device__ __forceinline__ T warp_reduce(T v) {
  for (int distance = kLanes / 2; distance > 0; distance /= 2)
    v = Op::of(v, static_cast<T>(__shfl_xor_sync(0xffffffffu, v, distance)));
  return v;
}
// Of the values of all threads of the block, for all of them; every thread must call it.
template <class Op, class T>
__device__ __forceinline__ T block_reduce(T v) {
  __shared__ T of_warp[32];
  v = warp_reduce<Op>(v);
  __syncthreads();  // the last result has been read
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = v;
  __syncthreads();
  v = of_warp[0];
  for (u32 warp = 1; warp < blockDim.x / 32; ++warp) v = Op::of(v, of_warp[warp]);
  return v;
}

// Of the values of the threads at one place in kSlices equal slices of the block, for all of them; every
// thread must call it.
template <class Op, int kSlices, class T>
__device__ __forceinline__ T slice_reduce(T v) {
  __shared__ T of_thread[1024];
  const u32 slice = blockDim.x / kSlices;
  __syncthreads();  // the last result has been read
  of_thread[threadIdx.x] = v;
  __syncthreads();
  v = of_thread[threadIdx.x % slice];
  for (u32 s = 1; s < kSlices; ++s) v = Op::of(v, of_thread[s * slice + threadIdx.x % slice]);
  return v;
}
