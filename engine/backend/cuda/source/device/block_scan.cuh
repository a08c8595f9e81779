#pragma once

#include "engine/backend/cuda/source/device/elementary.cuh"

// The sum of the values of the threads before this one in a block of 256; `whole` becomes the sum of all.
template <class Total>
__device__ __forceinline__ Total block_scan(Total v, Total& whole) {
  __shared__ Total of_warp[8];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int distance = 1; distance < 32; distance *= 2) {
    const Total other = static_cast<Total>(__shfl_up_sync(0xffffffffu, v, distance));
    if (lane >= distance) v = scalar::add(other, v);
  }
  Total before = static_cast<Total>(__shfl_up_sync(0xffffffffu, v, 1));
  if (lane == 0) before = Total(0);
  __syncthreads();  // the last result has been read
  if (lane == 31) of_warp[warp] = v;
  __syncthreads();
  Total of_warps = Total(0);
  whole = Total(0);
  for (int w = 0; w < 8; ++w) {
    if (w == warp) of_warps = whole;
    whole = scalar::add(whole, of_warp[w]);
  }
  return scalar::add(of_warps, before);
}
