#include "examples/mnist_classifier/metrics.h"

#include <nlohmann/json.hpp>

#include "engine/backend/device.h"

namespace nabla::mnist_classifier {

std::string metrics_json(const Results& results) {
  const Options& options = results.options;
  nlohmann::ordered_json json;
  json["seed"] = options.seed;
  json["device"] = std::string(name_of(current_device()));
  json["epochs"] = options.epochs;
  json["batch"] = options.batch;
  json["width"] = options.width;
  json["parameters"] = results.parameters;
  json["training_images"] = results.training_images;
  json["test_images"] = results.test.images;
  json["test_accuracy"] = results.test.accuracy();
  json["test_misread"] = results.test.misread.size();
  json["test_loss"] = results.test.loss;
  for (std::int64_t label = 0; label < kClasses; ++label) {
    const auto row = results.test.confusion.begin() + label * kClasses;
    json["confusion"].push_back(std::vector<std::int64_t>(row, row + kClasses));
  }
  json["steps"] = results.losses.size();
  json["loss"] = results.losses.back();
  json["train_seconds"] = results.training_seconds;
  json["test_seconds"] = results.test_seconds;
  json["peak_bytes"] = results.peak_bytes;
  return json.dump(2) + "\n";
}

}  // namespace nabla::mnist_classifier
