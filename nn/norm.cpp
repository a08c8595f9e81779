#include "nn/norm.h"

#include <string>

#include "engine/graph/node.h"
#include "engine/ops/constant.h"
#include "engine/ops/normalise.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"

namespace nabla::nn {
namespace {

const Shape& with_an_axis(const char* name, const Shape& shape) {
  if (shape.rank() < 1) throw Error(std::string(name) + ": the shape [] has no axis to normalise over");
  return shape;
}

void require_innermost(const char* name, const Tensor& x, const Shape& shape) {
  const int outer = x.rank() - shape.rank();
  if (outer < 0 || !(x.shape().without_first(outer) == shape))
    throw Error(std::string(name) + ": the input " + to_string(x.shape()) + " must end in the extents " +
                to_string(shape));
}

}  // namespace

LayerNorm::LayerNorm(const Shape& shape, const LayerNormOptions& options)
    : shape_(with_an_axis("layer norm", shape)), epsilon_(options.epsilon) {
  if (options.weight) weight_ = &add_parameter("weight", ones(shape, options.dtype));
  if (options.weight && options.bias) bias_ = &add_parameter("bias", zeros(shape, options.dtype));
}

Tensor LayerNorm::operator()(const Tensor& x, std::source_location where) const {
  require_innermost("layer norm", x, shape_);
  const SourceScope scope(where);
  Tensor y = layer_norm(x, shape_.rank(), epsilon_);
  if (weight_) y = y * weight_->get();
  return bias_ ? y + bias_->get() : y;
}

RmsNorm::RmsNorm(const Shape& shape, const RmsNormOptions& options)
    : shape_(with_an_axis("rms norm", shape)), epsilon_(options.epsilon) {
  if (options.weight) weight_ = &add_parameter("weight", ones(shape, options.dtype));
}

Tensor RmsNorm::operator()(const Tensor& x, std::source_location where) const {
  require_innermost("rms norm", x, shape_);
  const SourceScope scope(where);
  const Tensor y = rms_norm(x, shape_.rank(), epsilon_);
  return weight_ ? y * weight_->get() : y;
}

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& options)
    : groups_(groups), channels_(channels), spatial_(options.spatial), epsilon_(options.epsilon) {
  if (groups < 1 || channels < 1 || channels % groups != 0 || spatial_ < 0)
    throw Error("group norm: " + std::to_string(channels) + " channels in " + std::to_string(groups) +
                " groups before " + std::to_string(spatial_) +
                " spatial axes; the groups must divide the channels, and no number may be negative");
  if (!options.affine) return;
  weight_ = &add_parameter("weight", ones(Shape{channels}, options.dtype));
  bias_ = &add_parameter("bias", zeros(Shape{channels}, options.dtype));
}

Tensor GroupNorm::operator()(const Tensor& x, std::source_location where) const {
  if (x.rank() < spatial_ + 1 || x.shape()[-spatial_ - 1] != channels_)
    throw Error("group norm: the input " + to_string(x.shape()) + " must have " + std::to_string(channels_) +
                " channels before " + std::to_string(spatial_) + " spatial axes");
  const SourceScope scope(where);
  const Tensor y = group_norm(x, groups_, spatial_, epsilon_);
  if (!weight_) return y;
  const Axes places = Axes::innermost(spatial_);
  return y * insert_axes(weight_->get(), places) + insert_axes(bias_->get(), places);
}

}  // namespace nabla::nn
