#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <nvrtc.h>

#include <string_view>

// The status of every call into the CUDA libraries goes through one of these.

namespace nabla::cuda {

/// @throws Error "cuda: <what>: <the library's name for the status>: .." unless the status is success;
/// OutOfMemory where memory is what could not be had. `what` names the operator, or the call.
void check(cudaError_t status, std::string_view what);
void check(cublasStatus_t status, std::string_view what);
void check(nvrtcResult status, std::string_view what);
void check(cudnnStatus_t status, std::string_view what);

}  // namespace nabla::cuda
