#include "nn/residual_block.h"

#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "nn/modulate.h"

namespace nabla::nn {

ResidualBlock::ResidualBlock(const Tensor& key, std::int64_t inputs, std::int64_t outputs,
                             const ResidualBlockOptions& options)
    : outputs_(outputs),
      activation_(options.activation),
      conv1_(fold_in(key, 0), inputs, outputs, {3, 3}, {.window = {.padding = {1}}, .dtype = options.dtype}),
      film_(fold_in(key, 1), options.embedding, 2 * outputs, {.gain = 0, .dtype = options.dtype}),
      conv2_(fold_in(key, 2), outputs, outputs, {3, 3},
             {.window = {.padding = {1}}, .gain = 0, .dtype = options.dtype}) {
  if (options.groups != 0) {
    norm1_.emplace(options.groups, inputs, GroupNormOptions{.dtype = options.dtype});
    norm2_.emplace(options.groups, outputs, GroupNormOptions{.dtype = options.dtype});
  }
  if (inputs != outputs)
    skip_.emplace(fold_in(key, 3), inputs, outputs, std::vector<std::int64_t>{1, 1},
                  ConvolutionLayerOptions{.dtype = options.dtype});
  if (norm1_) add_part("norm1", *norm1_);
  add_part("conv1", conv1_);
  add_part("film", film_);
  if (norm2_) add_part("norm2", *norm2_);
  add_part("conv2", conv2_);
  if (skip_) add_part("skip", *skip_);
}

Tensor ResidualBlock::operator()(const Tensor& x, const Tensor& e) const {
  Tensor h = conv1_(activate(activation_, norm1_ ? (*norm1_)(x) : x));
  if (norm2_) h = (*norm2_)(h);
  // A number for each channel of a sample, or of all samples.
  const std::vector<Tensor> film = split(insert_axes(film_(e), {-1, -2}), {outputs_, outputs_}, -3);
  h = conv2_(activate(activation_, modulate(h, film[0], film[1])));
  return (skip_ ? (*skip_)(x) : x) + h;
}

}  // namespace nabla::nn
