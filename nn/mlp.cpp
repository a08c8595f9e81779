#include "nn/mlp.h"

#include <string>

#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "nn/conditioning.h"

namespace nabla::nn {
namespace {

const MlpOptions& checked(const MlpOptions& o) {
  if (o.inputs < 1 || o.outputs < 1 || o.width < 1 || o.hidden_layers < 1 || o.embedding < 1)
    throw Error("mlp: inputs " + std::to_string(o.inputs) + ", outputs " + std::to_string(o.outputs) +
                ", width " + std::to_string(o.width) + ", hidden layers " + std::to_string(o.hidden_layers) +
                " and embedding " + std::to_string(o.embedding) + " must all be at least 1");
  return o;
}

}  // namespace

Mlp::Mlp(const Tensor& key, const MlpOptions& options)
    : options_(checked(options)), features_(options.frequencies, options.highest_turns, options.dtype) {
  const std::int64_t hidden = options_.hidden_layers;
  std::uint32_t next = 0;
  const auto linear = [&](std::int64_t inputs, std::int64_t outputs, double gain, bool bias) {
    return Linear(fold_in(key, next++), inputs, outputs,
                  {.gain = gain, .bias = bias, .dtype = options_.dtype});
  };
  for (int i = 0; i < (options_.second_time ? 2 : 1); ++i)
    embed_time_.push_back(linear(features_.outputs(), options_.embedding, 1, i == 0));
  for (std::int64_t i = 0; i < hidden; ++i) {
    // The bias stands on the side of time: with a shared t the two add up in a single row.
    layers_.push_back(linear(i == 0 ? options_.inputs : options_.width, options_.width, 1, false));
    shifts_.push_back(linear(options_.embedding, options_.width, 1, true));
  }
  layers_.push_back(linear(options_.width, options_.outputs, options_.output_gain, true));

  for (std::size_t i = 0; i < embed_time_.size(); ++i)
    add_part("embed_time." + std::to_string(i), embed_time_[i]);
  for (std::size_t i = 0; i < shifts_.size(); ++i) add_part("shifts." + std::to_string(i), shifts_[i]);
  for (std::size_t i = 0; i < layers_.size(); ++i) add_part("layers." + std::to_string(i), layers_[i]);
}

Tensor Mlp::embedding(const Tensor& t, const std::optional<Tensor>& gap) const {
  Tensor e = embed_time_[0](features_(t));
  if (gap) e = e + embed_time_[1](features_(*gap));
  return activate(options_.activation, e);
}

Tensor Mlp::operator()(const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap) const {
  if (x.rank() != 2 || x.shape()[-1] != options_.inputs)
    throw Error("mlp: the input " + to_string(x.shape()) + " must be [B, " + std::to_string(options_.inputs) +
                "]");
  require_times("mlp", x, t, gap, options_.second_time);
  const Tensor e = embedding(t, gap);
  Tensor h = x;
  for (std::size_t i = 0; i < shifts_.size(); ++i)
    h = activate(options_.activation, layers_[i](h) + shifts_[i](e));
  return layers_.back()(h);
}

}  // namespace nabla::nn
