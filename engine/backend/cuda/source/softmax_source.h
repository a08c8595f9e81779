#pragma once

#include "engine/backend/cuda/source/kernel_source.h"

// Kernels that sum exponentials, shifted by the largest element.

namespace nabla::cuda {

StepSource logsumexp_source(const StepDescription& step);
StepSource softmax_source(const StepDescription& step);

}  // namespace nabla::cuda
