#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "examples/mnist_classifier/options.h"
#include "nn/batch_norm.h"
#include "nn/convolution.h"
#include "nn/dropout.h"
#include "nn/linear.h"

namespace nabla::mnist_classifier {

/// What a network needs to know while it is trained.
struct TrainingPass {
  Tensor key;                       ///< of the elements that dropout zeroes
  std::vector<nn::Update> running;  ///< receives what batch norms carry along, for commit()
};

/// A small convolutional network for images of 28 x 28: four convolutions, the first and the third with
/// stride 2, each with a batch norm and a relu, and two linear layers. What stands before the last is the
/// features of an image, for whoever compares sets of images by them (in a Frechet distance, say).
class Classifier : public nn::Module {
 public:
  static constexpr std::int64_t kFeatures = 128;

  Classifier(const Tensor& key, const Options& options);

  /// Images [n, 1, 28, 28], from 0 (paper) to 1 (ink) -> [n, kFeatures]. `pass` is null in evaluation.
  Tensor features(const Tensor& x, TrainingPass* pass = nullptr) const;
  /// Logits of the classes, [n, 10].
  Tensor operator()(const Tensor& x, TrainingPass* pass = nullptr) const;

 private:
  struct Layer {
    nn::Convolution convolution;
    nn::BatchNorm norm;
  };
  std::vector<Layer> layers_;
  nn::Linear hidden_;
  nn::Dropout dropout_;
  nn::Linear head_;
};

}  // namespace nabla::mnist_classifier
