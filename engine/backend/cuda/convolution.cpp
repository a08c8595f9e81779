#include "engine/backend/cuda/convolution.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "engine/backend/cuda/context.h"

namespace nabla::cuda {
namespace {

cudnnHandle_t dnn() {
  static const DnnHandle& handle = *[] {
    auto* dnn_handle = new DnnHandle;  // never destroyed, like the context
    check(cudnnCreate(dnn_handle->address()), "cudnnCreate");
    return dnn_handle;
  }();
  check(cudnnSetStream(handle.get(), Context::instance().recording_stream()), "cudnnSetStream");
  return handle.get();
}

// False where cuDNN will not do what it is asked for, which a kernel of ours then does. Whatever else went
// wrong is an error.
bool is_done(cudnnStatus_t status, std::string_view what) {
  const int category = CUDNN_STATUS_CATEGORY(static_cast<int>(status));
  if (category == CUDNN_STATUS_BAD_PARAM || category == CUDNN_STATUS_NOT_SUPPORTED ||
      category == CUDNN_STATUS_INTERNAL_ERROR)
    return false;
  check(status, what);
  return true;
}

using Extents = std::vector<std::int64_t>;

// cuDNN counts in int.
bool fits_in_int(const Extents& values) {
  return std::ranges::all_of(values, [](std::int64_t value) { return std::in_range<int>(value); });
}
std::vector<int> to_ints(const Extents& values) { return {values.begin(), values.end()}; }

// cuDNN knows two spatial axes and more: a first one of extent 1 changes nothing.
Extents with_two_axes(Extents values, std::int64_t filler) {
  if (values.size() == 1) values.insert(values.begin(), filler);
  return values;
}
Extents extents_of(std::int64_t outer, std::int64_t channels, const Extents& spatial) {
  Extents extents = with_two_axes(spatial, 1);
  extents.insert(extents.begin(), {outer, channels});
  return extents;
}
Extents dense_strides_of(const Extents& extents) {
  Extents strides(extents.size(), 1);
  for (std::size_t i = extents.size() - 1; i-- > 0;) strides[i] = strides[i + 1] * extents[i + 1];
  return strides;
}

// Algorithms that sum the products themselves. The others transform the operands first (Winograd, FFT), whose
// errors are those of the largest operands nearby.
bool sums_products(cudnnConvolutionFwdAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM ||
         algorithm == CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM ||
         algorithm == CUDNN_CONVOLUTION_FWD_ALGO_GEMM || algorithm == CUDNN_CONVOLUTION_FWD_ALGO_DIRECT;
}
bool sums_products(cudnnConvolutionBwdDataAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_0 || algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
}
bool sums_products(cudnnConvolutionBwdFilterAlgo_t algorithm) {
  return algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_0 ||
         algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1 || algorithm == CUDNN_CONVOLUTION_BWD_FILTER_ALGO_3;
}

// cuDNN takes its factors in the type of the sums.
struct Factors {
  float f32;
  double f64;
  const void* of(DType type) const { return type == DType::f64 ? static_cast<const void*>(&f64) : &f32; }
};
constexpr Factors kOne{1, 1};
constexpr Factors kZero{0, 0};

bool describe(TensorDescription& tensor, const Extents& extents, cudnnDataType_t type) {
  const Extents strides = dense_strides_of(extents);
  check(cudnnCreateTensorDescriptor(tensor.address()), "cudnnCreateTensorDescriptor");
  return fits_in_int(strides) &&
         is_done(cudnnSetTensorNdDescriptor(tensor.get(), type, static_cast<int>(extents.size()),
                                            to_ints(extents).data(), to_ints(strides).data()),
                 "cudnnSetTensorNdDescriptor");
}

bool set_math(const ConvolutionDescription& convolution, cudnnMathType_t math) {
  return is_done(cudnnSetConvolutionMathType(convolution.get(), math), "cudnnSetConvolutionMathType");
}

}  // namespace

Convolution::Convolution(const ConvolutionShape& shape)
    : slot_(shape.slot),
      type_(shape.type),
      may_round_(shape.type == DType::f32 && shape.precision != ProductPrecision::f32),
      accepted_(describe(shape) && choose()) {}

bool Convolution::describe(const ConvolutionShape& shape) {
  const Extents data = extents_of(shape.batch, shape.channels_in, shape.spatial),
                weight = extents_of(shape.channels_out, shape.channels_in / shape.groups, shape.window),
                result = extents_of(shape.batch, shape.channels_out, shape.places),
                padding = with_two_axes(shape.padding, 0), stride = with_two_axes(shape.stride, 1),
                dilation = with_two_axes(shape.dilation, 1);
  for (const Extents* list : {&data, &weight, &result, &padding, &stride, &dilation})
    if (!fits_in_int(*list)) return false;
  const cudnnDataType_t type = type_ == DType::f64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
  check(cudnnCreateFilterDescriptor(weight_.address()), "cudnnCreateFilterDescriptor");
  check(cudnnCreateConvolutionDescriptor(convolution_.address()), "cudnnCreateConvolutionDescriptor");
  return cuda::describe(data_, data, type) && cuda::describe(result_, result, type) &&
         is_done(cudnnSetFilterNdDescriptor(weight_.get(), type, CUDNN_TENSOR_NCHW,
                                            static_cast<int>(weight.size()), to_ints(weight).data()),
                 "cudnnSetFilterNdDescriptor") &&
         is_done(cudnnSetConvolutionNdDescriptor(convolution_.get(), static_cast<int>(padding.size()),
                                                 to_ints(padding).data(), to_ints(stride).data(),
                                                 to_ints(dilation).data(), CUDNN_CROSS_CORRELATION, type),
                 "cudnnSetConvolutionNdDescriptor") &&
         is_done(cudnnSetConvolutionGroupCount(convolution_.get(), static_cast<int>(shape.groups)),
                 "cudnnSetConvolutionGroupCount");
}

bool Convolution::choose() {
  switch (slot_) {
    case ConvolutionSlot::result:
      return choose_from<cudnnConvolutionFwdAlgoPerf_t>(
          [&](int most, int* count, cudnnConvolutionFwdAlgoPerf_t* found) {
            return cudnnGetConvolutionForwardAlgorithm_v7(
                dnn(), data_.get(), weight_.get(), convolution_.get(), result_.get(), most, count, found);
          },
          [&](cudnnConvolutionFwdAlgo_t algorithm, std::size_t* bytes) {
            return cudnnGetConvolutionForwardWorkspaceSize(
                dnn(), data_.get(), weight_.get(), convolution_.get(), result_.get(), algorithm, bytes);
          });
    case ConvolutionSlot::data:
      return choose_from<cudnnConvolutionBwdDataAlgoPerf_t>(
          [&](int most, int* count, cudnnConvolutionBwdDataAlgoPerf_t* found) {
            return cudnnGetConvolutionBackwardDataAlgorithm_v7(
                dnn(), weight_.get(), result_.get(), convolution_.get(), data_.get(), most, count, found);
          },
          [&](cudnnConvolutionBwdDataAlgo_t algorithm, std::size_t* bytes) {
            return cudnnGetConvolutionBackwardDataWorkspaceSize(
                dnn(), weight_.get(), result_.get(), convolution_.get(), data_.get(), algorithm, bytes);
          });
    case ConvolutionSlot::weight:
      break;
  }
  return choose_from<cudnnConvolutionBwdFilterAlgoPerf_t>(
      [&](int most, int* count, cudnnConvolutionBwdFilterAlgoPerf_t* found) {
        return cudnnGetConvolutionBackwardFilterAlgorithm_v7(
            dnn(), data_.get(), result_.get(), convolution_.get(), weight_.get(), most, count, found);
      },
      [&](cudnnConvolutionBwdFilterAlgo_t algorithm, std::size_t* bytes) {
        return cudnnGetConvolutionBackwardFilterWorkspaceSize(
            dnn(), data_.get(), result_.get(), convolution_.get(), weight_.get(), algorithm, bytes);
      });
}

// Takes the first of cuDNN's recommendations, the fastest first, that suits. An algorithm is meant with the
// math type beside it: with another one cuDNN would run a slower kernel. What it calls default lets f32 be
// rounded to tf32; f32 to the last bit and f64 keep to FMA, whatever is recommended.
template <class Recommended, class Search, class WorkspaceOf>
bool Convolution::choose_from(const Search& search, const WorkspaceOf& workspace_of) {
  const cudnnMathType_t permitted = may_round_ ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  std::array<Recommended, 16> found{};  // room for each algorithm with two math types
  int count = 0;
  if (!set_math(convolution_, permitted) ||
      !is_done(search(static_cast<int>(found.size()), &count, found.data()), "convolution"))
    return false;
  for (int i = 0; i < count; ++i) {
    const Recommended& candidate = found[static_cast<std::size_t>(i)];
    if (candidate.status != CUDNN_STATUS_SUCCESS || candidate.determinism != CUDNN_DETERMINISTIC) continue;
    // Half precision loses not only bits, but large and small numbers.
    if (candidate.mathType == CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION) continue;
    if (!may_round_ && (candidate.mathType == CUDNN_TENSOR_OP_MATH || !sums_products(candidate.algo)))
      continue;
    std::size_t bytes = 0;
    if (!set_math(convolution_, may_round_ ? candidate.mathType : permitted) ||
        !is_done(workspace_of(candidate.algo, &bytes), "convolution") || bytes > Context::kWorkspaceBytes)
      continue;
    algorithm_ = candidate.algo;
    workspace_bytes_ = bytes;
    return true;
  }
  return false;
}

bool Convolution::run(const std::byte* first, const std::byte* second, std::byte* out,
                      std::byte* workspace) const {
  const void* const one = kOne.of(type_);
  const void* const zero = kZero.of(type_);
  switch (slot_) {
    case ConvolutionSlot::result:
      return is_done(
          cudnnConvolutionForward(dnn(), one, data_.get(), first, weight_.get(), second, convolution_.get(),
                                  std::get<cudnnConvolutionFwdAlgo_t>(algorithm_), workspace,
                                  workspace_bytes_, zero, result_.get(), out),
          "convolution");
    case ConvolutionSlot::data:
      return is_done(cudnnConvolutionBackwardData(dnn(), one, weight_.get(), first, result_.get(), second,
                                                  convolution_.get(),
                                                  std::get<cudnnConvolutionBwdDataAlgo_t>(algorithm_),
                                                  workspace, workspace_bytes_, zero, data_.get(), out),
                     "convolution_to_data");
    case ConvolutionSlot::weight:
      break;
  }
  return is_done(cudnnConvolutionBackwardFilter(dnn(), one, data_.get(), first, result_.get(), second,
                                                convolution_.get(),
                                                std::get<cudnnConvolutionBwdFilterAlgo_t>(algorithm_),
                                                workspace, workspace_bytes_, zero, weight_.get(), out),
                 "convolution_to_weight");
}

std::shared_ptr<const Convolution> convolution_of(const ConvolutionShape& shape) {
  static std::map<ConvolutionShape, std::weak_ptr<const Convolution>>& convolutions =
      *new std::map<ConvolutionShape, std::weak_ptr<const Convolution>>;
  std::weak_ptr<const Convolution>& entry = convolutions[shape];
  std::shared_ptr<const Convolution> convolution = entry.lock();
  if (!convolution) entry = convolution = std::make_shared<const Convolution>(shape);
  return convolution->is_accepted() ? convolution : nullptr;
}

}  // namespace nabla::cuda
