#pragma once

#include <string>

#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

/// Machine code of a kernel for compute capability architecture/10 (80, 90, ..), by NVRTC; PTX of the newest
/// architecture before it where this NVRTC does not know the GPU's own. Needs no GPU. From any thread.
/// @throws Error with NVRTC's log and the text where it does not compile.
std::string compile(const KernelSource& source, int architecture);

/// What NVRTC is told beside the architecture.
std::string compiler_options();

/// The version of NVRTC, as "13.0".
std::string compiler_version();

}  // namespace nabla::cuda
