#pragma once

#include <cstdint>

#include "engine/backend/variants.h"
#include "engine/tensor/dtype.h"

namespace nabla::cpu {

/// The loops of a sum over tangents in a program, one tangent after the other; sum_order.h says in which type
/// and order. `x` are elements, `stride` apart; sums are adjacent.
struct TangentSum {
  std::int64_t size;  ///< of a sum, in bytes
  /// sums[i] = x[i], and sums[i] += x[i].
  Variants<void (*)(void*sums, const void*x, std::int64_t stride, std::int64_t count)> first, add;
  /// sums[i] += above[i], where both are sums.
  Variants<void (*)(void* sums, const void* above, std::int64_t count)> merge;
  void (*finish)(void* out, const void* sums, std::int64_t count);
};

/// @throws Error if the type is not floating.
TangentSum tangent_sum(DType dtype);

}  // namespace nabla::cpu
