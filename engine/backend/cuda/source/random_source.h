#pragma once

#include "engine/backend/cuda/source/kernel_source.h"

// Kernels of random numbers: Philox 4x32-10, the same words as engine/tensor/philox.h.

namespace nabla::cuda {

StepSource random_bits_source(const StepDescription& step);
StepSource random_uniform_source(const StepDescription& step);
StepSource fold_in_source(const StepDescription& step);

}  // namespace nabla::cuda
