#include "nn/linear.h"

#include "engine/graph/node.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "nn/initialise.h"

namespace nabla::nn {
namespace {

Tensor initial_linear_weight(const Tensor& key, std::int64_t inputs, std::int64_t outputs,
                             const LinearOptions& options) {
  if (!options.initialiser) return scaled_normal(key, inputs, outputs, options.gain, options.dtype);
  return initial_value(*options.initialiser, key, Shape{outputs, inputs}, options.dtype) * options.gain;
}

}  // namespace

Tensor times_transpose(const Tensor& x, const Tensor& weight) {
  return drop_axes(contraction(insert_axes(x, {-2}), weight, {-1}), {-1});
}

Linear::Linear(const Tensor& key, std::int64_t inputs, std::int64_t outputs, const LinearOptions& options) {
  weight_ = &add_parameter("weight", initial_linear_weight(key, inputs, outputs, options));
  if (options.bias) bias_ = &add_parameter("bias", zeros(Shape{outputs}, options.dtype));
}

Tensor Linear::operator()(const Tensor& x, std::source_location where) const {
  if (x.rank() < 1 || x.shape()[-1] != inputs())
    throw Error("linear: the input " + to_string(x.shape()) + " does not fit the weight " +
                to_string(weight_->get().shape()) + "; its innermost extent must be " +
                std::to_string(inputs()));
  const SourceScope scope(where);
  const Tensor product = times_transpose(x, weight_->get());
  return bias_ ? product + bias_->get() : product;
}

}  // namespace nabla::nn
