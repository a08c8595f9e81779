#pragma once

#include "engine/backend/cuda/source/kernel_source.h"

// Kernels that move elements or count them.

namespace nabla::cuda {

StepSource copy_source(const StepDescription& step);  ///< of any layout to dense elements
StepSource reshape_source(const StepDescription& step);
StepSource pad_source(const StepDescription& step);
StepSource concatenate_source(const StepDescription& step);
StepSource iota_source(const StepDescription& step);

}  // namespace nabla::cuda
