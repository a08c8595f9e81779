#include "examples/mnist_classifier/evaluate.h"

#include <algorithm>

#include "engine/engine.h"
#include "examples/mnist_classifier/augment.h"
#include "nn/batches.h"

namespace nabla::mnist_classifier {
namespace {

constexpr std::int64_t kBatch = 500;

}  // namespace

double Evaluation::accuracy() const {
  return 1 - static_cast<double>(misread.size()) / static_cast<double>(images);
}

Evaluation evaluate(const Classifier& network, const Images& images) {
  nn::Batches batches({images.levels, images.labels}, random_key(0),
                      {.size = std::min(kBatch, images.count()), .shuffle = false, .keep_last = true});
  const auto read = compile([&](const Tensor& levels, const Tensor& labels) -> std::vector<Tensor> {
    const Tensor logits = network(to_input(levels));
    return {argmax(logits), reduce_max(softmax(logits), {-1}), sum(cross_entropy(logits, labels))};
  });
  Evaluation evaluation;
  evaluation.images = images.count();
  evaluation.confusion.resize(kClasses * kClasses);
  for (std::int64_t number = 0, image = 0; number < batches.per_epoch(); ++number) {
    const std::vector<Tensor> parts = batches.at(number);
    const std::vector<Tensor> results = read(parts[0], parts[1]);
    const std::vector<std::int64_t> classes = results[0].to_vector<std::int64_t>();
    const std::vector<float> probabilities = results[1].to_vector<float>();
    const std::vector<std::uint8_t> labels = parts[1].to_vector<std::uint8_t>();
    evaluation.loss += results[2].item() / static_cast<double>(evaluation.images);
    for (std::size_t i = 0; i < labels.size(); ++i, ++image) {
      ++evaluation.confusion[static_cast<std::size_t>(labels[i] * kClasses + classes[i])];
      if (classes[i] != labels[i])
        evaluation.misread.push_back({image, labels[i], static_cast<int>(classes[i]), probabilities[i]});
    }
  }
  std::ranges::stable_sort(evaluation.misread, std::greater(), &Misread::probability);
  return evaluation;
}

}  // namespace nabla::mnist_classifier
