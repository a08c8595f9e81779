#include "engine/backend/cuda/check.h"

#include <string>

#include "engine/tensor/error.h"

namespace nabla::cuda {
namespace {

std::string message(std::string_view what, const std::string& status) {
  return "cuda: " + std::string(what) + ": " + status;
}

}  // namespace

void check(cudaError_t status, std::string_view what) {
  if (status == cudaSuccess) return;
  const std::string text =
      message(what, std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status));
  cudaGetLastError();  // what was only a refused call must not be reported again by the next
  if (status == cudaErrorMemoryAllocation) throw OutOfMemory(text);
  throw Error(text);
}

void check(cublasStatus_t status, std::string_view what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string text = message(what, std::string("cuBLASLt: ") + cublasLtGetStatusString(status));
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw OutOfMemory(text);
  throw Error(text);
}

void check(nvrtcResult status, std::string_view what) {
  if (status != NVRTC_SUCCESS)
    throw Error(message(what, std::string("NVRTC: ") + nvrtcGetErrorString(status)));
}

void check(cudnnStatus_t status, std::string_view what) {
  if (status != CUDNN_STATUS_SUCCESS)
    throw Error(message(what, std::string("cuDNN: ") + cudnnGetErrorString(status)));
}

}  // namespace nabla::cuda
