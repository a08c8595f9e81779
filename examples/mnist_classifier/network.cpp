#include "examples/mnist_classifier/network.h"

#include <string>

#include "engine/engine.h"
#include "examples/mnist_classifier/dataset.h"

namespace nabla::mnist_classifier {
namespace {

// Channels of each convolution in units of the width, extent of its window and its stride.
struct Stage {
  std::int64_t channels;
  std::int64_t extent;
  std::int64_t stride;
};
constexpr Stage kStages[] = {{2, 5, 2}, {2, 3, 1}, {4, 3, 2}, {4, 3, 1}};
constexpr std::int64_t kLastSide = kSide / 4;

constexpr nn::Initialiser kInitialiser = nn::Initialiser::kaiming_normal;

}  // namespace

Classifier::Classifier(const Tensor& key, const Options& options)
    : hidden_(fold_in(key, 0), kStages[3].channels * options.width * kLastSide * kLastSide, kFeatures,
              {.initialiser = kInitialiser}),
      dropout_(options.dropout),
      head_(fold_in(key, 1), kFeatures, kClasses) {
  std::int64_t channels = 1;
  std::int64_t next = 2;
  for (const Stage& stage : kStages) {
    const std::int64_t outputs = stage.channels * options.width;
    // The norm takes a bias off again.
    layers_.push_back({nn::Convolution(fold_in(key, next++), channels, outputs, {stage.extent, stage.extent},
                                       {.window = {.stride = {stage.stride}, .padding = {stage.extent / 2}},
                                        .bias = false,
                                        .initialiser = kInitialiser}),
                       nn::BatchNorm(outputs)});
    channels = outputs;
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    add_part("convolutions." + std::to_string(i), layers_[i].convolution);
    add_part("norms." + std::to_string(i), layers_[i].norm);
  }
  add_part("hidden", hidden_);
  add_part("head", head_);
}

Tensor Classifier::features(const Tensor& x, TrainingPass* pass) const {
  Tensor h = x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    h = layers_[i].convolution(h);
    h = relu(layers_[i].norm(h, pass ? &pass->running : nullptr));
  }
  return relu(hidden_(reshape(h, Shape{h.shape()[0], h.size() / h.shape()[0]})));
}

Tensor Classifier::operator()(const Tensor& x, TrainingPass* pass) const {
  const Tensor h = features(x, pass);
  return head_(pass ? dropout_(h, pass->key) : h);
}

}  // namespace nabla::mnist_classifier
