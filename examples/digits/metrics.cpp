#include "examples/digits/metrics.h"

#include <nlohmann/json.hpp>

namespace nabla::digits {

std::string metrics_json(const Results& results) {
  using Json = nlohmann::ordered_json;
  const Options& options = results.options;
  Json json;
  json["seed"] = options.seed;
  json["steps"] = options.steps;
  json["batch"] = options.batch;
  json["width"] = options.width;
  json["layers"] = options.layers;
  json["parameters"] = results.parameters;
  json["training_digits"] = results.training_images;
  json["held_out_digits"] = results.held_out_images;
  json["train_seconds"] = results.seconds_of("training");
  json["loss"] = results.final_loss;
  json["posterior"] = Json::array();
  for (const PosteriorMeasure& measure : results.posterior) {
    Json entry;
    entry["t"] = measure.t;
    entry["trace_mean"] = measure.trace_mean;
    entry["calibration"] = measure.calibration;
    entry["symmetry_defect"] = measure.symmetry_defect;
    entry["negative_mass"] = measure.negative_mass;
    if (measure.oracle) {
      entry["oracle_trace_mean"] = measure.oracle->trace_mean;
      entry["oracle_relative_error"] = measure.oracle->relative_error;
      entry["oracle_calibration"] = measure.oracle->calibration;
    }
    json["posterior"].push_back(entry);
  }
  json["identity_oracle_max_error"] = results.identity_error;
  json["peak_bytes"] = results.peak_bytes;
  Json seconds;
  for (const auto& [part, time] : results.seconds) seconds[part] = time;
  json["seconds"] = seconds;
  return json.dump(2) + "\n";
}

}  // namespace nabla::digits
