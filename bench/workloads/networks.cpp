#include "bench/workloads/networks.h"

#include <string>

#include "engine/engine.h"

namespace nabla::bench {
namespace {

constexpr std::int64_t kFrequencies = 16, kEmbedding = 64;
constexpr double kHighestTurns = 8, kSmallestVariance = 1e-5;

std::string numbered(const char* name, std::size_t i) { return name + ("." + std::to_string(i)); }

}  // namespace

ResidualStack::ResidualStack(const Tensor& key, const Options& o) {
  for (std::int64_t i = 0; i < o.blocks; ++i) {
    inner_.emplace_back(key, o.extent, o.width);
    outer_.emplace_back(key, o.width, o.extent);
  }
  for (std::size_t i = 0; i < inner_.size(); ++i) {
    add_part(numbered("inner", i), inner_[i]);
    add_part(numbered("outer", i), outer_[i]);
  }
}

Tensor ResidualStack::operator()(const Tensor& x, const Tensor&) const {
  Tensor h = x;
  for (std::size_t i = 0; i < inner_.size(); ++i) h = h + outer_[i](silu(inner_[i](h)));
  return h;
}

ModulatedMlp::ModulatedMlp(const Tensor& key, const Options& o)
    : features_(kFrequencies, kHighestTurns, DType::f32), embed_time_(key, features_.outputs(), kEmbedding) {
  add_part("embed_time", embed_time_);
  for (std::int64_t i = 0; i <= o.hidden_layers; ++i)
    layers_.emplace_back(key, i == 0 ? o.extent : o.width, i == o.hidden_layers ? o.extent : o.width);
  for (std::int64_t i = 0; i < o.hidden_layers; ++i) {
    scales_.emplace_back(key, kEmbedding, o.width);
    shifts_.emplace_back(key, kEmbedding, o.width);
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) add_part(numbered("layers", i), layers_[i]);
  for (std::size_t i = 0; i < scales_.size(); ++i) {
    gains_.push_back(&add_parameter(numbered("norms", i) + ".gain", ones({o.width}, DType::f32)));
    biases_.push_back(&add_parameter(numbered("norms", i) + ".bias", zeros({o.width}, DType::f32)));
    add_part(numbered("scales", i), scales_[i]);
    add_part(numbered("shifts", i), shifts_[i]);
  }
}

Tensor ModulatedMlp::normalised(const Tensor& z, std::size_t layer) const {
  const Tensor centred = z - mean(z, {-1}, /*keep_axes=*/true);
  const Tensor variance = mean(square(centred), {-1}, /*keep_axes=*/true);
  return centred * rsqrt(variance + kSmallestVariance) * gains_[layer]->get() + biases_[layer]->get();
}

Tensor ModulatedMlp::operator()(const Tensor& x, const Tensor& t) const {
  const Tensor e = silu(embed_time_(features_(t)));
  Tensor h = x;
  for (std::size_t i = 0; i < scales_.size(); ++i)
    h = silu((1 + scales_[i](e)) * normalised(layers_[i](h), i) + shifts_[i](e));
  return layers_.back()(h);
}

ConvolutionStack::ConvolutionStack(const Tensor& key, const Options& o) {
  const nn::ConvolutionLayerOptions same_size{.window = {.padding = {1}}};
  for (std::int64_t i = 0; i < o.layers; ++i)
    layers_.emplace_back(key, i == 0 ? 1 : o.channels, i + 1 == o.layers ? 1 : o.channels,
                         std::vector<std::int64_t>{3, 3}, same_size);
  for (std::size_t i = 0; i < layers_.size(); ++i) add_part(numbered("layers", i), layers_[i]);
}

Tensor ConvolutionStack::operator()(const Tensor& x, const Tensor&) const {
  Tensor h = layers_[0](nn::as_pictures("convolution stack", x, Shape{1, 28, 28}));
  for (std::size_t i = 1; i < layers_.size(); ++i) h = layers_[i](silu(h));
  return reshape(h, x.shape());
}

ScalarMlp::ScalarMlp(const Tensor& key, const Options& extents) {
  for (std::size_t i = 0; i + 1 < extents.size(); ++i) layers_.emplace_back(key, extents[i], extents[i + 1]);
  for (std::size_t i = 0; i < layers_.size(); ++i) add_part(numbered("layers", i), layers_[i]);
}

Tensor ScalarMlp::operator()(const Tensor& x) const {
  Tensor h = x;
  for (std::size_t i = 0; i + 1 < layers_.size(); ++i) h = tanh(layers_[i](h));
  return reshape(layers_.back()(h), x.shape().first(1));
}

}  // namespace nabla::bench
