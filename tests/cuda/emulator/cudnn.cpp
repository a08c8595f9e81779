#include <cudnn.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/cuda/emulator/convolution.h"
#include "tests/cuda/emulator/machine.h"
#include "tests/cuda/emulator/memory.h"
#include "tests/cuda/emulator/work.h"

// cuDNN's convolutions with descriptors, of f32 and f64.

struct cudnnContext {
  cudaStream_t stream = nullptr;
};
struct cudnnTensorStruct : nabla::cuda::emulator::TensorLayout {};
struct cudnnFilterStruct : nabla::cuda::emulator::TensorLayout {};
struct cudnnConvolutionStruct : nabla::cuda::emulator::ConvolutionDescription {};

namespace nabla::cuda::emulator {

namespace {

constexpr std::size_t kConvolutionWorkspaceBytes = 4 << 10;

template <class F>
cudnnStatus_t dnn_call(const char* function, const F& f) {
  return library_call(function, CUDNN_STATUS_EXECUTION_FAILED, f);
}

cudnnStatus_t refuse_convolution(const char* why) {
  complain(std::string("cuDNN: ") + why);
  return CUDNN_STATUS_BAD_PARAM;
}

template <class Description>
cudnnStatus_t create(const char* function, Description** description) {
  return dnn_call(function, [=] {
    *description = new Description;
    return CUDNN_STATUS_SUCCESS;
  });
}

bool is_known(cudnnDataType_t type) { return type == CUDNN_DATA_FLOAT || type == CUDNN_DATA_DOUBLE; }

/// What all the functions ask of the layouts.
cudnnStatus_t check(const TensorLayout& x, const TensorLayout& w, const TensorLayout& y,
                    const ConvolutionDescription& convolution) {
  if (convolution.type != x.type || w.type != x.type || y.type != x.type) return CUDNN_STATUS_NOT_SUPPORTED;
  return fits(x, w, y, convolution) ? CUDNN_STATUS_SUCCESS
                                    : refuse_convolution("image, filter and result do not fit each other");
}

/// Finds one algorithm.
template <class Result, class Algorithm>
cudnnStatus_t find(const char* function, const TensorLayout& x, const TensorLayout& w, const TensorLayout& y,
                   const ConvolutionDescription& convolution, Algorithm algorithm, int requested,
                   int* returned, Result* results) {
  return dnn_call(function, [=, &x, &w, &y, &convolution] {
    *returned = 0;
    if (requested < 1) return CUDNN_STATUS_BAD_PARAM;
    if (const cudnnStatus_t status = check(x, w, y, convolution); status != CUDNN_STATUS_SUCCESS)
      return status;
    results[0] = {};
    results[0].algo = algorithm;
    results[0].status = CUDNN_STATUS_SUCCESS;
    results[0].time = -1;
    results[0].memory = kConvolutionWorkspaceBytes;
    results[0].determinism = CUDNN_DETERMINISTIC;
    results[0].mathType = convolution.math;
    *returned = 1;
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t workspace_bytes(const char* function, const TensorLayout& x, const TensorLayout& w,
                              const TensorLayout& y, const ConvolutionDescription& convolution,
                              std::size_t* bytes) {
  return dnn_call(function, [&] {
    *bytes = kConvolutionWorkspaceBytes;
    return check(x, w, y, convolution);
  });
}

struct Scales {
  double alpha, beta;
};
Scales scales_of(const void* alpha, const void* beta, cudnnDataType_t type) {
  if (type == CUDNN_DATA_DOUBLE)
    return {*static_cast<const double*>(alpha), *static_cast<const double*>(beta)};
  return {*static_cast<const float*>(alpha), *static_cast<const float*>(beta)};
}

cudnnStatus_t convolve(const char* function, cudnnHandle_t handle, Convolution c, const void* alpha,
                       const void* beta, void* workspace, std::size_t bytes) {
  return dnn_call(function, [&] {
    if (const cudnnStatus_t status = check(c.x, c.w, c.y, c.description); status != CUDNN_STATUS_SUCCESS)
      return status;
    if (bytes < kConvolutionWorkspaceBytes)
      return refuse_convolution("a workspace below what the algorithm needs");
    const Scales scales = scales_of(alpha, beta, c.x.type);
    c.alpha = scales.alpha;
    c.beta = scales.beta;
    const cudaError_t error = enqueue(stream_of(handle->stream), [c, workspace] {
      if (!device_memory().reach(workspace, kConvolutionWorkspaceBytes))
        throw Failure{cudaErrorIllegalAddress, "a convolution's workspace does not lie in a live allocation"};
      std::memset(workspace, 0xff, kConvolutionWorkspaceBytes);
      run(c);
      ++machine().counters.convolutions_run;
    });
    return error == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
  });
}

}  // namespace

}  // namespace nabla::cuda::emulator

using namespace nabla::cuda::emulator;

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

extern "C" {

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  return dnn_call("cudnnCreate", [=] {
    if (machine().presence != Presence::device) return CUDNN_STATUS_NOT_INITIALIZED;
    *handle = new cudnnContext;
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  return dnn_call("cudnnSetStream", [=] {
    stream_of(stream);
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
  });
}

size_t cudnnGetVersion() { return CUDNN_VERSION; }

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_SUCCESS:
      return "CUDNN_STATUS_SUCCESS";
    case CUDNN_STATUS_NOT_INITIALIZED:
      return "CUDNN_STATUS_NOT_INITIALIZED";
    case CUDNN_STATUS_BAD_PARAM:
      return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_EXECUTION_FAILED:
      return "CUDNN_STATUS_EXECUTION_FAILED";
    default:
      return "CUDNN_STATUS";
  }
}

void cudnnGetLastErrorString(char* message, size_t size) {
  if (size == 0) return;
  const std::string complaint = last_complaint();
  const std::size_t length = std::min(size - 1, complaint.size());
  std::memcpy(message, complaint.data(), length);
  message[length] = '\0';
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* description) {
  return create("cudnnCreateTensorDescriptor", description);
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t description) {
  delete description;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t description, cudnnDataType_t type, int rank,
                                         const int extents[], const int strides[]) {
  return dnn_call("cudnnSetTensorNdDescriptor", [=] {
    if (!is_known(type)) return CUDNN_STATUS_NOT_SUPPORTED;
    if (rank < 4 || rank > kLargestRank) return refuse_convolution("tensors have 4 or 5 axes");
    if (std::any_of(extents, extents + rank, [](int n) { return n < 1; }))
      return refuse_convolution("an empty axis");
    description->type = type;
    description->extents.assign(extents, extents + rank);
    description->strides.assign(strides, strides + rank);
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t description, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w) {
  if (format != CUDNN_TENSOR_NCHW) return CUDNN_STATUS_NOT_SUPPORTED;
  const int extents[] = {n, c, h, w};
  const int strides[] = {c * h * w, h * w, w, 1};
  return cudnnSetTensorNdDescriptor(description, type, 4, extents, strides);
}

cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t* description) {
  return create("cudnnCreateFilterDescriptor", description);
}

cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t description) {
  delete description;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetFilterNdDescriptor(cudnnFilterDescriptor_t description, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int rank, const int extents[]) {
  return dnn_call("cudnnSetFilterNdDescriptor", [=] {
    if (!is_known(type) || format != CUDNN_TENSOR_NCHW) return CUDNN_STATUS_NOT_SUPPORTED;
    if (rank < 4 || rank > kLargestRank) return refuse_convolution("filters have 4 or 5 axes");
    if (std::any_of(extents, extents + rank, [](int n) { return n < 1; }))
      return refuse_convolution("an empty axis");
    description->type = type;
    description->extents.assign(extents, extents + rank);
    description->strides.assign(rank, 1);
    for (std::size_t i = static_cast<std::size_t>(rank) - 1; i-- > 0;)
      description->strides[i] = description->strides[i + 1] * extents[i + 1];
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t description, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w) {
  const int extents[] = {k, c, h, w};
  return cudnnSetFilterNdDescriptor(description, type, format, 4, extents);
}

cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t* description) {
  return create("cudnnCreateConvolutionDescriptor", description);
}

cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t description) {
  delete description;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionNdDescriptor(cudnnConvolutionDescriptor_t description, int axes,
                                              const int padding[], const int strides[], const int dilation[],
                                              cudnnConvolutionMode_t mode, cudnnDataType_t type) {
  return dnn_call("cudnnSetConvolutionNdDescriptor", [=] {
    if (!is_known(type)) return CUDNN_STATUS_NOT_SUPPORTED;
    if (axes < 2 || axes > kLargestRank - 2) return refuse_convolution("convolutions are along 2 or 3 axes");
    for (int i = 0; i < axes; ++i)
      if (padding[i] < 0 || strides[i] < 1 || dilation[i] < 1)
        return refuse_convolution("padding, strides or dilation");
    description->padding.assign(padding, padding + axes);
    description->strides.assign(strides, strides + axes);
    description->dilation.assign(dilation, dilation + axes);
    description->is_flipped = mode == CUDNN_CONVOLUTION;
    description->type = type;
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t description, int pad_h, int pad_w,
                                              int u, int v, int dilation_h, int dilation_w,
                                              cudnnConvolutionMode_t mode, cudnnDataType_t type) {
  const int padding[] = {pad_h, pad_w};
  const int strides[] = {u, v};
  const int dilation[] = {dilation_h, dilation_w};
  return cudnnSetConvolutionNdDescriptor(description, 2, padding, strides, dilation, mode, type);
}

cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t description, int groups) {
  if (groups < 1) return refuse_convolution("a number of groups");
  description->groups = groups;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t description, cudnnMathType_t math) {
  description->math = math;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                     cudnnFilterDescriptor_t w,
                                                     cudnnConvolutionDescriptor_t convolution,
                                                     cudnnTensorDescriptor_t y, int requested, int* returned,
                                                     cudnnConvolutionFwdAlgoPerf_t* results) {
  return find("cudnnGetConvolutionForwardAlgorithm_v7", *x, *w, *y, *convolution,
              CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t dy,
                                                          cudnnConvolutionDescriptor_t convolution,
                                                          cudnnTensorDescriptor_t dx, int requested,
                                                          int* returned,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* results) {
  return find("cudnnGetConvolutionBackwardDataAlgorithm_v7", *dx, *w, *dy, *convolution,
              CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t dy,
                                                            cudnnConvolutionDescriptor_t convolution,
                                                            cudnnFilterDescriptor_t dw, int requested,
                                                            int* returned,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  return find("cudnnGetConvolutionBackwardFilterAlgorithm_v7", *x, *dw, *dy, *convolution,
              CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, requested, returned, results);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                      cudnnFilterDescriptor_t w,
                                                      cudnnConvolutionDescriptor_t convolution,
                                                      cudnnTensorDescriptor_t y, cudnnConvolutionFwdAlgo_t,
                                                      size_t* bytes) {
  return workspace_bytes("cudnnGetConvolutionForwardWorkspaceSize", *x, *w, *y, *convolution, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                           cudnnTensorDescriptor_t dy,
                                                           cudnnConvolutionDescriptor_t convolution,
                                                           cudnnTensorDescriptor_t dx,
                                                           cudnnConvolutionBwdDataAlgo_t, size_t* bytes) {
  return workspace_bytes("cudnnGetConvolutionBackwardDataWorkspaceSize", *dx, *w, *dy, *convolution, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                             cudnnTensorDescriptor_t dy,
                                                             cudnnConvolutionDescriptor_t convolution,
                                                             cudnnFilterDescriptor_t dw,
                                                             cudnnConvolutionBwdFilterAlgo_t, size_t* bytes) {
  return workspace_bytes("cudnnGetConvolutionBackwardFilterWorkspaceSize", *x, *dw, *dy, *convolution, bytes);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x,
                                      const void* x_at, cudnnFilterDescriptor_t w, const void* w_at,
                                      cudnnConvolutionDescriptor_t convolution, cudnnConvolutionFwdAlgo_t,
                                      void* workspace, size_t bytes, const void* beta,
                                      cudnnTensorDescriptor_t y, void* y_at) {
  return convolve("cudnnConvolutionForward", handle,
                  {Convolution::Result::y, *x, *w, *y, *convolution, x_at, w_at, y_at}, alpha, beta,
                  workspace, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha, cudnnFilterDescriptor_t w,
                                           const void* w_at, cudnnTensorDescriptor_t dy, const void* dy_at,
                                           cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t, void* workspace, size_t bytes,
                                           const void* beta, cudnnTensorDescriptor_t dx, void* dx_at) {
  return convolve("cudnnConvolutionBackwardData", handle,
                  {Convolution::Result::x, *dx, *w, *dy, *convolution, dx_at, w_at, dy_at}, alpha, beta,
                  workspace, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             cudnnTensorDescriptor_t x, const void* x_at,
                                             cudnnTensorDescriptor_t dy, const void* dy_at,
                                             cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t, void* workspace, size_t bytes,
                                             const void* beta, cudnnFilterDescriptor_t dw, void* dw_at) {
  return convolve("cudnnConvolutionBackwardFilter", handle,
                  {Convolution::Result::w, *x, *dw, *dy, *convolution, x_at, dw_at, dy_at}, alpha, beta,
                  workspace, bytes);
}

}  // extern "C"
