#pragma once

#include <cstdint>

#include "engine/backend/instruction_set.h"
#include "engine/tensor/dtype.h"

namespace nabla::cpu {

/// The loops of a sum over tangents in a program, one tangent after the other; sum_order.h says in which type
/// and order. `x` are elements, `stride` apart; sums are adjacent.
struct TangentSumLoops {
  /// sums[i] = x[i], and sums[i] += x[i].
  void (*first)(void* sums, const void* x, std::int64_t stride, std::int64_t count);
  void (*add)(void* sums, const void* x, std::int64_t stride, std::int64_t count);
  /// sums[i] += above[i], where both are sums.
  void (*merge)(void* sums, const void* above, std::int64_t count);
};

/// The same as compiled for each instruction set; all give the same bits.
struct TangentSum {
  std::int64_t size;  ///< of a sum, in bytes
  TangentSumLoops baseline, avx2, avx512;
  void (*finish)(void* out, const void* sums, std::int64_t count);

  const TangentSumLoops& at(InstructionSet set) const {
    if (set == InstructionSet::avx512) return avx512;
    return set == InstructionSet::avx2 ? avx2 : baseline;
  }
};

/// @throws Error if the type is not floating.
TangentSum tangent_sum(DType dtype);

}  // namespace nabla::cpu
