#pragma once

#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

/// A contraction that is scalar products or scaled rows, or sums over nothing.
/// @throws Error if it is made of matrix products.
StepSource small_contraction_source(const StepDescription& step);

}  // namespace nabla::cuda
