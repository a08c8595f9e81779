#pragma once

#include <utility>

#include "engine/backend/cuda/check.h"

namespace nabla::cuda {

/// Owns an object of a CUDA library: gives it to `destroy` when it goes. Empty when made by default.
template <class T, auto destroy>
class Handle {
 public:
  Handle() = default;
  Handle(Handle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Handle() {
    if (object_) destroy(object_);
  }

  T get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  /// For the function that makes the object. Only of an empty handle.
  T* address() { return &object_; }

 private:
  T object_ = nullptr;
};

using Stream = Handle<cudaStream_t, &cudaStreamDestroy>;
using Event = Handle<cudaEvent_t, &cudaEventDestroy>;
using Graph = Handle<cudaGraph_t, &cudaGraphDestroy>;
using GraphExec = Handle<cudaGraphExec_t, &cudaGraphExecDestroy>;
using Library = Handle<cudaLibrary_t, &cudaLibraryUnload>;
using BlasHandle = Handle<cublasLtHandle_t, &cublasLtDestroy>;
using MatmulDescription = Handle<cublasLtMatmulDesc_t, &cublasLtMatmulDescDestroy>;
using MatrixLayout = Handle<cublasLtMatrixLayout_t, &cublasLtMatrixLayoutDestroy>;
using MatmulPreference = Handle<cublasLtMatmulPreference_t, &cublasLtMatmulPreferenceDestroy>;
using DnnHandle = Handle<cudnnHandle_t, &cudnnDestroy>;
using TensorDescription = Handle<cudnnTensorDescriptor_t, &cudnnDestroyTensorDescriptor>;
using FilterDescription = Handle<cudnnFilterDescriptor_t, &cudnnDestroyFilterDescriptor>;
using ConvolutionDescription = Handle<cudnnConvolutionDescriptor_t, &cudnnDestroyConvolutionDescriptor>;

inline Event make_event() {
  Event event;
  check(cudaEventCreateWithFlags(event.address(), cudaEventDisableTiming), "cudaEventCreate");
  return event;
}

}  // namespace nabla::cuda
