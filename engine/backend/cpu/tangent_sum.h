#pragma once

#include <cstdint>

#include "engine/backend/instruction_set.h"
#include "engine/tensor/dtype.h"

namespace nabla::cpu {

/// The sum over tangents of a program, one tangent after the other (lane_sum.h says in which type).
struct TangentSum {
  /// sums[i] += x[i * stride]; all instruction sets give the same bits.
  using Add = void (*)(void* sums, const void* x, std::int64_t stride, std::int64_t count);
  using Finish = void (*)(void* out, const void* sums, std::int64_t count);

  std::int64_t size;  ///< of a sum, in bytes
  Add add_baseline, add_avx2, add_avx512;
  Finish finish;

  Add add(InstructionSet set) const {
    if (set == InstructionSet::avx512) return add_avx512;
    return set == InstructionSet::avx2 ? add_avx2 : add_baseline;
  }
};

/// @throws Error if the type is not floating.
TangentSum tangent_sum(DType dtype);

}  // namespace nabla::cpu
