#pragma once

#include "engine/backend/cuda/source/device/refusal.h"
#include "engine/backend/cuda/source/device/types.cuh"

using nabla::cuda::Refusal;

// Of several refusals the first one is noted.
__device__ __forceinline__ void refuse(Refusal* refusal, i64 index) {
  if (atomicCAS(&refusal->raised, 0u, 1u) == 0u) refusal->index = index;
}
