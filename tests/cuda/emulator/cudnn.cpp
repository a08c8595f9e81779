#include <cudnn.h>

#include <algorithm>
#include <bit>
#include <cstdint>
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
constexpr std::size_t kConvolutionAlignment = 16;

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

/// An algorithm as it is recommended.
template <class Algorithm>
struct Offer {
  Algorithm algorithm;
  std::size_t workspace_bytes;
  cudnnDeterminism_t determinism;
  cudnnMathType_t math;
};

/// The algorithms of one slot: that sums products, that transforms operands, that takes much memory, and that
/// gives other bits every time.
template <class Algorithm>
struct Algorithms;
template <>
struct Algorithms<cudnnConvolutionFwdAlgo_t> {
  static constexpr auto product = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
                        transform = CUDNN_CONVOLUTION_FWD_ALGO_WINOGRAD,
                        large = CUDNN_CONVOLUTION_FWD_ALGO_FFT,
                        unordered = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM;
};
template <>
struct Algorithms<cudnnConvolutionBwdDataAlgo_t> {
  static constexpr auto product = CUDNN_CONVOLUTION_BWD_DATA_ALGO_1,
                        transform = CUDNN_CONVOLUTION_BWD_DATA_ALGO_WINOGRAD,
                        large = CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT,
                        unordered = CUDNN_CONVOLUTION_BWD_DATA_ALGO_0;
};
template <>
struct Algorithms<cudnnConvolutionBwdFilterAlgo_t> {
  static constexpr auto product = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1,
                        transform = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_WINOGRAD_NONFUSED,
                        large = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_FFT,
                        unordered = CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0;
};

/// The fastest first, and what suits a careful caller last.
template <class Algorithm>
std::vector<Offer<Algorithm>> offers(const ConvolutionDescription& convolution) {
  using Known = Algorithms<Algorithm>;
  std::vector<Offer<Algorithm>> list{
      {Known::unordered, 0, CUDNN_NON_DETERMINISTIC, CUDNN_FMA_MATH},
      {Known::large, std::size_t{1} << 40, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH}};
  if (convolution.math != CUDNN_FMA_MATH)
    for (const cudnnMathType_t math : {CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION, CUDNN_TENSOR_OP_MATH})
      list.push_back({Known::product, kConvolutionWorkspaceBytes, CUDNN_DETERMINISTIC, math});
  list.push_back({Known::transform, kConvolutionWorkspaceBytes, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH});
  list.push_back({Known::product, kConvolutionWorkspaceBytes, CUDNN_DETERMINISTIC, CUDNN_FMA_MATH});
  return list;
}

/// What a search that finds nothing suitable leaves of the list.
template <class Algorithm>
cudnnStatus_t refuse_search(std::vector<Offer<Algorithm>>& list) {
  static int turn = 0;
  switch (turn++ % 3) {
    case 0:
      return CUDNN_STATUS_NOT_SUPPORTED;
    case 1:
      list.clear();
      break;
    default:
      list.resize(2);
  }
  return CUDNN_STATUS_SUCCESS;
}

template <class Result, class Algorithm>
cudnnStatus_t find(const char* function, const TensorLayout& x, const TensorLayout& w, const TensorLayout& y,
                   const ConvolutionDescription& convolution, int requested, int* returned, Result* results,
                   Algorithm) {
  return dnn_call(function, [=, &x, &w, &y, &convolution] {
    *returned = 0;
    if (requested < 1) return CUDNN_STATUS_BAD_PARAM;
    if (const cudnnStatus_t status = check(x, w, y, convolution); status != CUDNN_STATUS_SUCCESS)
      return status;
    std::vector<Offer<Algorithm>> list = offers<Algorithm>(convolution);
    if (is_search_refused())
      if (const cudnnStatus_t status = refuse_search(list); status != CUDNN_STATUS_SUCCESS) return status;
    for (const Offer<Algorithm>& offer : list) {
      if (*returned == requested) break;
      Result& result = results[(*returned)++];
      result = {};
      result.algo = offer.algorithm;
      result.status = CUDNN_STATUS_SUCCESS;
      result.time = -1;
      result.memory = offer.workspace_bytes;
      result.determinism = offer.determinism;
      result.mathType = offer.math;
    }
    return CUDNN_STATUS_SUCCESS;
  });
}

/// Calls f with the offer for that algorithm.
template <class Algorithm, class F>
cudnnStatus_t with_offer(const ConvolutionDescription& convolution, Algorithm algorithm, const F& f) {
  for (const Offer<Algorithm>& offer : offers<Algorithm>(convolution))
    if (offer.algorithm == algorithm) return f(offer);
  complain("cuDNN: an algorithm that is not known");
  return CUDNN_STATUS_NOT_SUPPORTED;
}

template <class Algorithm>
cudnnStatus_t workspace_bytes(const char* function, const TensorLayout& x, const TensorLayout& w,
                              const TensorLayout& y, const ConvolutionDescription& convolution,
                              Algorithm algorithm, std::size_t* bytes) {
  return dnn_call(function, [&] {
    if (const cudnnStatus_t status = check(x, w, y, convolution); status != CUDNN_STATUS_SUCCESS)
      return status;
    return with_offer(convolution, algorithm, [&](const Offer<Algorithm>& offer) {
      *bytes = offer.workspace_bytes;
      return CUDNN_STATUS_SUCCESS;
    });
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

template <class Algorithm>
cudnnStatus_t convolve(const char* function, cudnnHandle_t handle, Convolution c, Algorithm algorithm,
                       const void* alpha, const void* beta, void* workspace, std::size_t bytes) {
  return dnn_call(function, [&] {
    if (const cudnnStatus_t status = check(c.x, c.w, c.y, c.description); status != CUDNN_STATUS_SUCCESS)
      return status;
    for (const void* at : {c.x_at, c.w_at, c.y_at})
      if (std::bit_cast<std::uintptr_t>(at) % kConvolutionAlignment != 0)
        return refuse_convolution("a pointer that is not aligned");
    return with_offer(c.description, algorithm, [&](const Offer<Algorithm>& offer) {
      const std::size_t used = offer.workspace_bytes;
      if (bytes < used) return refuse_convolution("a workspace below what the algorithm needs");
      const Scales scales = scales_of(alpha, beta, c.x.type);
      c.alpha = scales.alpha;
      c.beta = scales.beta;
      c.is_approximate = algorithm != Algorithms<Algorithm>::product;
      const cudaError_t error = enqueue(stream_of(handle->stream), [c, workspace, used] {
        if (used > 0 && !device_memory().reach(workspace, used))
          throw Failure{cudaErrorIllegalAddress,
                        "a convolution's workspace does not lie in a live allocation"};
        if (used > 0) std::memset(workspace, 0xff, used);
        run(c);
        ++machine().counters.convolutions_run;
      });
      return error == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
    });
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
  return find("cudnnGetConvolutionForwardAlgorithm_v7", *x, *w, *y, *convolution, requested, returned,
              results, cudnnConvolutionFwdAlgo_t());
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                          cudnnTensorDescriptor_t dy,
                                                          cudnnConvolutionDescriptor_t convolution,
                                                          cudnnTensorDescriptor_t dx, int requested,
                                                          int* returned,
                                                          cudnnConvolutionBwdDataAlgoPerf_t* results) {
  return find("cudnnGetConvolutionBackwardDataAlgorithm_v7", *dx, *w, *dy, *convolution, requested, returned,
              results, cudnnConvolutionBwdDataAlgo_t());
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                            cudnnTensorDescriptor_t dy,
                                                            cudnnConvolutionDescriptor_t convolution,
                                                            cudnnFilterDescriptor_t dw, int requested,
                                                            int* returned,
                                                            cudnnConvolutionBwdFilterAlgoPerf_t* results) {
  return find("cudnnGetConvolutionBackwardFilterAlgorithm_v7", *x, *dw, *dy, *convolution, requested,
              returned, results, cudnnConvolutionBwdFilterAlgo_t());
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                      cudnnFilterDescriptor_t w,
                                                      cudnnConvolutionDescriptor_t convolution,
                                                      cudnnTensorDescriptor_t y,
                                                      cudnnConvolutionFwdAlgo_t algorithm, size_t* bytes) {
  return workspace_bytes("cudnnGetConvolutionForwardWorkspaceSize", *x, *w, *y, *convolution, algorithm,
                         bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t, cudnnFilterDescriptor_t w,
                                                           cudnnTensorDescriptor_t dy,
                                                           cudnnConvolutionDescriptor_t convolution,
                                                           cudnnTensorDescriptor_t dx,
                                                           cudnnConvolutionBwdDataAlgo_t algorithm,
                                                           size_t* bytes) {
  return workspace_bytes("cudnnGetConvolutionBackwardDataWorkspaceSize", *dx, *w, *dy, *convolution,
                         algorithm, bytes);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t, cudnnTensorDescriptor_t x,
                                                             cudnnTensorDescriptor_t dy,
                                                             cudnnConvolutionDescriptor_t convolution,
                                                             cudnnFilterDescriptor_t dw,
                                                             cudnnConvolutionBwdFilterAlgo_t algorithm,
                                                             size_t* bytes) {
  return workspace_bytes("cudnnGetConvolutionBackwardFilterWorkspaceSize", *x, *dw, *dy, *convolution,
                         algorithm, bytes);
}

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void* alpha, cudnnTensorDescriptor_t x,
                                      const void* x_at, cudnnFilterDescriptor_t w, const void* w_at,
                                      cudnnConvolutionDescriptor_t convolution,
                                      cudnnConvolutionFwdAlgo_t algorithm, void* workspace, size_t bytes,
                                      const void* beta, cudnnTensorDescriptor_t y, void* y_at) {
  return convolve("cudnnConvolutionForward", handle,
                  {Convolution::Result::y, *x, *w, *y, *convolution, x_at, w_at, y_at}, algorithm, alpha,
                  beta, workspace, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void* alpha, cudnnFilterDescriptor_t w,
                                           const void* w_at, cudnnTensorDescriptor_t dy, const void* dy_at,
                                           cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void* workspace,
                                           size_t bytes, const void* beta, cudnnTensorDescriptor_t dx,
                                           void* dx_at) {
  return convolve("cudnnConvolutionBackwardData", handle,
                  {Convolution::Result::x, *dx, *w, *dy, *convolution, dx_at, w_at, dy_at}, algorithm, alpha,
                  beta, workspace, bytes);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void* alpha,
                                             cudnnTensorDescriptor_t x, const void* x_at,
                                             cudnnTensorDescriptor_t dy, const void* dy_at,
                                             cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm, void* workspace,
                                             size_t bytes, const void* beta, cudnnFilterDescriptor_t dw,
                                             void* dw_at) {
  return convolve("cudnnConvolutionBackwardFilter", handle,
                  {Convolution::Result::w, *x, *dw, *dy, *convolution, x_at, dw_at, dy_at}, algorithm, alpha,
                  beta, workspace, bytes);
}

}  // extern "C"
