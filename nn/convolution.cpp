#include "nn/convolution.h"

#include <string>

#include "engine/graph/node.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "engine/ops/upsampled_convolution.h"
#include "nn/initialise.h"

namespace nabla::nn {
namespace {

// The weight from `many` channels, each of which sees `few` / groups others.
Shape weight_shape(const char* name, std::int64_t many, std::int64_t few, std::int64_t groups,
                   const std::vector<std::int64_t>& extents) {
  Shape shape{many, groups < 1 ? few : few / groups};
  for (const std::int64_t extent : extents) shape.push_back(extent);
  bool fits = groups >= 1 && many % groups == 0 && few % groups == 0 && many >= 1 && few >= 1 &&
              !extents.empty() && extents.size() <= 3;
  for (const std::int64_t extent : extents) fits = fits && extent >= 1;
  if (!fits)
    throw Error(std::string(name) + ": a weight " + to_string(shape) + " of " + std::to_string(groups) +
                " groups; there must be one to three extents of the window, all of them and both numbers "
                "of channels positive, and the groups must divide these");
  return shape;
}

// The number of elements of the weight that PyTorch counts as those which an output is made of.
std::int64_t terms(const Shape& weight) { return weight.without_first(1).size(); }

Tensor initial_weight(const Tensor& key, const Shape& shape, DType dtype) {
  return fan_in_uniform(fold_in(key, 0), shape, terms(shape), dtype);
}
Tensor initial_bias(const Tensor& key, std::int64_t outputs, const Shape& weight, DType dtype) {
  return fan_in_uniform(fold_in(key, 1), Shape{outputs}, terms(weight), dtype);
}

// A number for each channel on all spatial axes.
Tensor with_bias(const Tensor& x, const Cell* bias, int spatial) {
  return bias ? x + insert_axes(bias->get(), Axes::innermost(spatial)) : x;
}

}  // namespace

Convolution::Convolution(const Tensor& key, std::int64_t inputs, std::int64_t outputs,
                         const std::vector<std::int64_t>& extents, const ConvolutionLayerOptions& options)
    : window_(options.window), upsample_(options.upsample) {
  const Shape shape = weight_shape("convolution", outputs, inputs, window_.groups, extents);
  const Tensor weight = options.initialiser
                            ? initial_value(*options.initialiser, fold_in(key, 0), shape, options.dtype)
                            : initial_weight(key, shape, options.dtype);
  weight_ = &add_parameter("weight", weight * options.gain);
  if (!options.bias) return;
  bias_ = &add_parameter("bias", options.initialiser
                                     ? zeros(Shape{outputs}, options.dtype)
                                     : initial_bias(key, outputs, shape, options.dtype) * options.gain);
}

Tensor Convolution::operator()(const Tensor& x, std::source_location where) const {
  const SourceScope scope(where);
  const Tensor weight = weight_->get();
  return with_bias(upsample_.empty() ? convolution(x, weight, window_)
                                     : upsampled_convolution(x, weight, upsample_, window_),
                   bias_, weight.rank() - 2);
}

TransposedConvolution::TransposedConvolution(const Tensor& key, std::int64_t inputs, std::int64_t outputs,
                                             const std::vector<std::int64_t>& extents,
                                             const TransposedConvolutionLayerOptions& options)
    : window_(options.window) {
  const Shape shape = weight_shape("transposed_convolution", inputs, outputs, window_.window.groups, extents);
  weight_ = &add_parameter("weight", initial_weight(key, shape, options.dtype));
  if (options.bias) bias_ = &add_parameter("bias", initial_bias(key, outputs, shape, options.dtype));
}

Tensor TransposedConvolution::operator()(const Tensor& x, std::source_location where) const {
  const SourceScope scope(where);
  return with_bias(transposed_convolution(x, weight_->get(), window_), bias_, weight_->shape().rank() - 2);
}

}  // namespace nabla::nn
