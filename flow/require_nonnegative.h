#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// Refuses variances or weights `x` that are negative, infinite or NaN. What depends on the variable of a
/// transform has no value yet and is let through. @throws Error naming `what`, `which` and the number.
void require_nonnegative(const char* what, const char* which, const Tensor& x);

}  // namespace nabla::flow
