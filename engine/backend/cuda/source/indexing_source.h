#pragma once

#include "engine/backend/cuda/source/kernel_source.h"

// Kernels that read or write where indices say, or find indices. An index outside its axis is refused.

namespace nabla::cuda {

StepSource gather_source(const StepDescription& step);
StepSource scatter_add_source(const StepDescription& step);
StepSource argsort_source(const StepDescription& step);

}  // namespace nabla::cuda
