#include "engine/backend/cuda/convolution.h"

#include <array>
#include <string>
#include <utility>

#include "engine/backend/cuda/context.h"
#include "engine/tensor/error.h"
#include "engine/tensor/shape.h"

namespace nabla::cuda {
namespace {

using DnnHandle = Handle<cudnnHandle_t, &cudnnDestroy>;
using TensorDescription = Handle<cudnnTensorDescriptor_t, &cudnnDestroyTensorDescriptor>;
using FilterDescription = Handle<cudnnFilterDescriptor_t, &cudnnDestroyFilterDescriptor>;
using ConvolutionDescription = Handle<cudnnConvolutionDescriptor_t, &cudnnDestroyConvolutionDescriptor>;

cudnnHandle_t dnn() {
  static const DnnHandle& handle = *[] {
    auto* dnn_handle = new DnnHandle;  // never destroyed, like the context
    check(cudnnCreate(dnn_handle->address()), "cudnnCreate");
    return dnn_handle;
  }();
  check(cudnnSetStream(handle.get(), Context::instance().recording_stream()), "cudnnSetStream");
  return handle.get();
}

int to_int(std::int64_t value) {
  if (!std::in_range<int>(value))
    throw Error("convolution: cuDNN counts up to 2^31, and " + std::to_string(value) + " is more");
  return static_cast<int>(value);
}
std::vector<int> to_ints(const std::vector<std::int64_t>& values) {
  std::vector<int> ints;
  for (const std::int64_t value : values) ints.push_back(to_int(value));
  return ints;
}

// cuDNN knows two spatial axes and more: a first one of extent 1 changes nothing.
std::vector<std::int64_t> with_two_axes(std::vector<std::int64_t> values, std::int64_t filler) {
  if (values.size() == 1) values.insert(values.begin(), filler);
  return values;
}

std::vector<std::int64_t> extents_of(std::int64_t outer, std::int64_t channels,
                                     const std::vector<std::int64_t>& spatial) {
  std::vector<std::int64_t> extents = with_two_axes(spatial, 1);
  extents.insert(extents.begin(), {outer, channels});
  return extents;
}

std::string text_of(const std::vector<std::int64_t>& extents) {
  return to_string(Shape(std::span<const std::int64_t>(extents)));
}
std::string text_of(const ConvolutionShape& x) {
  return text_of(extents_of(x.batch, x.channels_in, x.spatial)) + " with a window of " +
         text_of(extents_of(x.channels_out, x.channels_in / x.groups, x.window)) + ", " +
         std::to_string(x.groups) + " groups";
}

cudnnDataType_t type_of(const ConvolutionShape& x) {
  return x.type == DType::f64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
}

TensorDescription tensor_of(const ConvolutionShape& shape, const std::vector<std::int64_t>& extents) {
  std::vector<std::int64_t> strides(extents.size(), 1);
  for (std::size_t i = extents.size() - 1; i-- > 0;) strides[i] = strides[i + 1] * extents[i + 1];
  TensorDescription tensor;
  check(cudnnCreateTensorDescriptor(tensor.address()), "cudnnCreateTensorDescriptor");
  check(cudnnSetTensorNdDescriptor(tensor.get(), type_of(shape), static_cast<int>(extents.size()),
                                   to_ints(extents).data(), to_ints(strides).data()),
        "convolution of " + text_of(shape));
  return tensor;
}

// The first of cuDNN's recommendations, the fastest first, that gives the same bits every time.
template <class Recommended>
auto choose(const ConvolutionShape& shape, const std::array<Recommended, 8>& algorithms, int count) {
  for (int i = 0; i < count; ++i) {
    const Recommended& candidate = algorithms[i];
    if (candidate.status == CUDNN_STATUS_SUCCESS && candidate.determinism == CUDNN_DETERMINISTIC &&
        candidate.memory <= Context::kWorkspaceBytes)
      return candidate.algo;
  }
  throw Error("convolution: cuDNN has no deterministic algorithm for " + text_of(shape));
}

// cuDNN takes its factors in the type of the sums.
struct Factors {
  float f32;
  double f64;
  const void* of(DType type) const { return type == DType::f64 ? static_cast<const void*>(&f64) : &f32; }
};
constexpr Factors kOne{1, 1};
constexpr Factors kZero{0, 0};

}  // namespace

std::vector<std::int64_t> ConvolutionShape::result() const {
  for (const std::vector<std::int64_t>* list : {&window, &stride, &dilation, &padding})
    if (list->size() != spatial.size() || spatial.empty() || spatial.size() > 3)
      throw Error(
          "convolution: one to three spatial axes, and as many of window, stride, dilation and padding");
  std::vector<std::int64_t> extents;
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    const std::int64_t room = spatial[i] + 2 * padding[i] - dilation[i] * (window[i] - 1) - 1;
    if (room < 0)
      throw Error("convolution: a window of " + text_of(window) + " does not fit in " + text_of(spatial));
    extents.push_back(room / stride[i] + 1);
  }
  return extents;
}

struct Convolution::Descriptions {
  DType type;
  TensorDescription data, result;
  FilterDescription weight;
  ConvolutionDescription convolution;
  cudnnConvolutionFwdAlgo_t forward;
  cudnnConvolutionBwdDataAlgo_t to_data;
  cudnnConvolutionBwdFilterAlgo_t to_weight;
};

Convolution::Convolution(const ConvolutionShape& shape) {
  if (shape.groups < 1 || shape.channels_in % shape.groups != 0 || shape.channels_out % shape.groups != 0)
    throw Error("convolution: " + std::to_string(shape.channels_in) + " and " +
                std::to_string(shape.channels_out) + " channels do not fall into " +
                std::to_string(shape.groups) + " groups");
  auto descriptions = std::make_unique<Descriptions>();
  descriptions->type = shape.type;
  descriptions->data = tensor_of(shape, extents_of(shape.batch, shape.channels_in, shape.spatial));
  descriptions->result = tensor_of(shape, extents_of(shape.batch, shape.channels_out, shape.result()));
  const std::vector<std::int64_t> weight =
      extents_of(shape.channels_out, shape.channels_in / shape.groups, shape.window);
  check(cudnnCreateFilterDescriptor(descriptions->weight.address()), "cudnnCreateFilterDescriptor");
  check(cudnnSetFilterNdDescriptor(descriptions->weight.get(), type_of(shape), CUDNN_TENSOR_NCHW,
                                   static_cast<int>(weight.size()), to_ints(weight).data()),
        "convolution of " + text_of(shape));

  check(cudnnCreateConvolutionDescriptor(descriptions->convolution.address()),
        "cudnnCreateConvolutionDescriptor");
  const std::vector<int> padding = to_ints(with_two_axes(shape.padding, 0));
  const std::vector<int> stride = to_ints(with_two_axes(shape.stride, 1));
  const std::vector<int> dilation = to_ints(with_two_axes(shape.dilation, 1));
  check(cudnnSetConvolutionNdDescriptor(descriptions->convolution.get(), static_cast<int>(padding.size()),
                                        padding.data(), stride.data(), dilation.data(),
                                        CUDNN_CROSS_CORRELATION, type_of(shape)),
        "convolution of " + text_of(shape));
  check(cudnnSetConvolutionGroupCount(descriptions->convolution.get(), static_cast<int>(shape.groups)),
        "cudnnSetConvolutionGroupCount");
  // What cuDNN calls default lets f32 be rounded to tf32.
  const bool exact = shape.type == DType::f64 || shape.precision == ProductPrecision::f32;
  check(cudnnSetConvolutionMathType(descriptions->convolution.get(),
                                    exact ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH),
        "cudnnSetConvolutionMathType");

  int count = 0;
  std::array<cudnnConvolutionFwdAlgoPerf_t, 8> forward{};
  check(cudnnGetConvolutionForwardAlgorithm_v7(dnn(), descriptions->data.get(), descriptions->weight.get(),
                                               descriptions->convolution.get(), descriptions->result.get(),
                                               static_cast<int>(forward.size()), &count, forward.data()),
        "convolution of " + text_of(shape));
  descriptions->forward = choose(shape, forward, count);
  std::array<cudnnConvolutionBwdDataAlgoPerf_t, 8> to_data{};
  check(cudnnGetConvolutionBackwardDataAlgorithm_v7(
            dnn(), descriptions->weight.get(), descriptions->result.get(), descriptions->convolution.get(),
            descriptions->data.get(), static_cast<int>(to_data.size()), &count, to_data.data()),
        "convolution of " + text_of(shape));
  descriptions->to_data = choose(shape, to_data, count);
  std::array<cudnnConvolutionBwdFilterAlgoPerf_t, 8> to_weight{};
  check(cudnnGetConvolutionBackwardFilterAlgorithm_v7(
            dnn(), descriptions->data.get(), descriptions->result.get(), descriptions->convolution.get(),
            descriptions->weight.get(), static_cast<int>(to_weight.size()), &count, to_weight.data()),
        "convolution of " + text_of(shape));
  descriptions->to_weight = choose(shape, to_weight, count);
  descriptions_ = std::move(descriptions);
}

Convolution::~Convolution() = default;

void Convolution::forward(const std::byte* data, const std::byte* weight, std::byte* result) const {
  const Descriptions& x = *descriptions_;
  check(cudnnConvolutionForward(dnn(), kOne.of(x.type), x.data.get(), data, x.weight.get(), weight,
                                x.convolution.get(), x.forward, Context::instance().next_workspace(),
                                Context::kWorkspaceBytes, kZero.of(x.type), x.result.get(), result),
        "convolution");
}

void Convolution::to_data(const std::byte* weight, const std::byte* cotangent, std::byte* data) const {
  const Descriptions& x = *descriptions_;
  check(
      cudnnConvolutionBackwardData(dnn(), kOne.of(x.type), x.weight.get(), weight, x.result.get(), cotangent,
                                   x.convolution.get(), x.to_data, Context::instance().next_workspace(),
                                   Context::kWorkspaceBytes, kZero.of(x.type), x.data.get(), data),
      "convolution, transposed in the data");
}

void Convolution::to_weight(const std::byte* data, const std::byte* cotangent, std::byte* weight) const {
  const Descriptions& x = *descriptions_;
  check(cudnnConvolutionBackwardFilter(dnn(), kOne.of(x.type), x.data.get(), data, x.result.get(), cotangent,
                                       x.convolution.get(), x.to_weight, Context::instance().next_workspace(),
                                       Context::kWorkspaceBytes, kZero.of(x.type), x.weight.get(), weight),
        "convolution, transposed in the weight");
}

}  // namespace nabla::cuda
