#pragma once

#include <vector>

#include "engine/backend/cuda/source/kernel_source.h"
#include "engine/plan/plan.h"

namespace nabla {

/// The generated kernels of a plan as a GPU would run them, in order, each step's own (products by cuBLASLt
/// have none, a convolution has those that run where cuDNN does not do it); whatever device the plan was made
/// for, and without the CUDA Toolkit. For people who study them, and for tests: a program that calls it links
/// nablaflow::cuda_text, which a build with NABLAFLOW_CUDA=OFF has not.
/// @throws Error if there is no kernel for a step (complex numbers).
std::vector<cuda::StepSource> cuda_kernels(const Plan& plan);

}  // namespace nabla
