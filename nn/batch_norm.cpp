#include "nn/batch_norm.h"

#include <string>

#include "engine/graph/node.h"
#include "engine/ops/composed.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"

namespace nabla::nn {

BatchNorm::BatchNorm(std::int64_t channels, const BatchNormOptions& options)
    : channels_(channels), options_(options) {
  const bool fits = channels >= 1 && options.spatial >= 0 && options.momentum > 0 && options.momentum <= 1 &&
                    options.epsilon > 0;
  if (!fits)
    throw Error(
        "batch norm: " + std::to_string(channels) + " channels before " + std::to_string(options.spatial) +
        " spatial axes, with momentum " + number_text(options.momentum) + " and epsilon " +
        number_text(options.epsilon) +
        "; there must be a channel and a positive epsilon, the number of axes may not be negative, and "
        "the momentum is in (0, 1]");
  if (options.affine) {
    weight_ = &add_parameter("weight", ones(Shape{channels}, options.dtype));
    bias_ = &add_parameter("bias", zeros(Shape{channels}, options.dtype));
  }
  running_mean_ = &add_buffer("running_mean", zeros(Shape{channels}, options.dtype));
  running_var_ = &add_buffer("running_var", ones(Shape{channels}, options.dtype));
}

Tensor BatchNorm::operator()(const Tensor& x, std::vector<Update>* running,
                             std::source_location where) const {
  const int axes = options_.spatial + 2;
  if ((running ? x.rank() != axes : x.rank() < axes - 1) || x.shape()[1 - axes] != channels_)
    throw Error(
        "batch norm: the input " + to_string(x.shape()) + " must be [N, " + std::to_string(channels_) +
        (options_.spatial > 0 ? ", *S] with " + std::to_string(options_.spatial) + " spatial axes" : "]"));
  const SourceScope scope(where);
  return running ? in_training(x, *running) : in_evaluation(x);
}

Tensor BatchNorm::in_training(const Tensor& x, std::vector<Update>& running) const {
  const std::int64_t count = channels_ > 0 ? x.size() / channels_ : 0;
  if (count < 2)
    throw Error("batch norm: the input " + to_string(x.shape()) + " has " + std::to_string(count) +
                " numbers a channel; a variance needs two at least");
  Axes over = Axes::innermost(options_.spatial);
  over.push_back(-options_.spatial - 2);
  // What rounding has left of the mean is taken off as well: where elements are nearly equal it would count
  // as their variance.
  const Tensor near_mean = stop_gradient(mean(x, over, /*keep_axes=*/true));
  const Tensor near = x - near_mean;
  const Tensor rest = mean(near, over, /*keep_axes=*/true);
  const Tensor centred = near - rest;
  const Tensor variance = mean(square(centred), over, /*keep_axes=*/true);

  const auto follow = [&](Cell* cell, const Tensor& batch) {
    running.push_back(
        {cell, cell->get() * (1 - options_.momentum) + reshape(batch, Shape{channels_}) * options_.momentum});
  };
  follow(running_mean_, near_mean + rest);
  follow(running_var_, variance * (static_cast<double>(count) / static_cast<double>(count - 1)));

  const Axes places = Axes::innermost(options_.spatial);
  const Tensor scale = rsqrt(variance + options_.epsilon);
  if (!weight_) return centred * scale;
  return centred * (scale * insert_axes(weight_->get(), places)) + insert_axes(bias_->get(), places);
}

Tensor BatchNorm::in_evaluation(const Tensor& x) const {
  const Axes places = Axes::innermost(options_.spatial);
  const Tensor centred = x - insert_axes(running_mean_->get(), places);
  const Tensor scale = rsqrt(running_var_->get() + options_.epsilon);
  if (!weight_) return centred * insert_axes(scale, places);
  return centred * insert_axes(scale * weight_->get(), places) + insert_axes(bias_->get(), places);
}

}  // namespace nabla::nn
