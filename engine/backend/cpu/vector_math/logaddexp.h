#pragma once

#include "engine/backend/cpu/vector_math/exp.h"
#include "engine/backend/cpu/vector_math/f64.h"
#include "engine/backend/cpu/vector_math/log.h"

namespace nabla::cpu {

/// log(e^a + e^b) without overflow: the larger, and what the smaller adds. Equal infinities have no
/// difference.
template <class T>
NABLAFLOW_INLINED T logaddexp(T a, T b) {
  const T larger = a > b || a != a ? a : b;
  const T gap = a == b ? T(0) : magnitude(a - b);
  return larger + log1p(exp(-gap));
}

}  // namespace nabla::cpu
