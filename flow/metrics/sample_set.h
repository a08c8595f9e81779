#pragma once

#include <vector>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// Refuses what is not a set of samples [n, D] of finite floating numbers with n >= 1 and D >= 1.
/// @throws Error naming `what` and the shape.
void require_samples(const char* what, const Tensor& x);

/// The same for two sets, whose D must agree.
void require_sample_sets(const char* what, const Tensor& a, const Tensor& b);

}  // namespace nabla::flow
