#include "examples/posterior_components/metrics.h"

#include <nlohmann/json.hpp>

#include "engine/backend/device.h"
#include "engine/engine.h"

namespace nabla::posterior_components {

std::string metrics_json(const Results& results) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["seed"] = results.options.seed;
  json["device"] = std::string(name_of(current_device()));
  json["digits"] = results.labels;
  json["components"] = results.options.components;
  json["times"] = Json::array();
  for (const ComponentsAtTime& at : results.times)
    json["times"].push_back({{"t", at.t},
                             {"trace_mean", mean(cast(at.traces, DType::f64)).item()},
                             {"variances", mean(at.variances, {-2}).to_vector<double>()},
                             {"explained", explained_shares(at)},
                             {"products", at.products},
                             {"converged", at.converged},
                             {"relative_error", at.error}});
  json["seconds"] = results.seconds;
  return json.dump(2) + "\n";
}

}  // namespace nabla::posterior_components
