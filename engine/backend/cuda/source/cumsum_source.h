#pragma once

#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

/// Sums along one axis up to and with each element.
StepSource cumsum_source(const StepDescription& step);

}  // namespace nabla::cuda
