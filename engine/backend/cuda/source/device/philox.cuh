#pragma once

#include "engine/backend/cuda/source/device/types.cuh"

// Random words: Philox 4x32-10, the same as engine/tensor/philox.h.

struct Words {
  u32 at[4];
};
// Block `index` of the stream of a key for a purpose.
__device__ __forceinline__ Words philox_4x32_10(u32 key0, u32 key1, u64 index, u32 purpose) {
  u32 c0 = static_cast<u32>(index), c1 = static_cast<u32>(index >> 32), c2 = 0, c3 = purpose;
  for (int round = 0; round < 10; ++round) {
    const u32 high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const u32 high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}
