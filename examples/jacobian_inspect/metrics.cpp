#include "examples/jacobian_inspect/metrics.h"

#include <nlohmann/json.hpp>

#include "engine/backend/device.h"

namespace nabla::jacobian_inspect {
namespace {

using Json = nlohmann::ordered_json;

Json spectrum_json(const std::vector<SpectrumAtTime>& spectrum) {
  Json entries = Json::array();
  for (const SpectrumAtTime& at : spectrum)
    entries.push_back({{"t", at.t},
                       {"symmetry_defect", at.symmetry_defect},
                       {"negative_mass", at.negative_mass},
                       {"resolved_samples", at.resolved},
                       {"rank", at.rank},
                       {"dimension", at.dimension},
                       {"eigenvalues", at.eigenvalues}});
  return entries;
}

Json cost_json(const DivergenceCost& cost) {
  Json json{{"t", cost.t}, {"samples", cost.samples}, {"elements", cost.elements}, {"chosen", cost.chosen}};
  for (const WayCost& way : cost.ways) {
    Json entry{{"flops_once", way.once},
               {"flops_each", way.each},
               {"first_ms", way.first_milliseconds},
               {"ms", way.milliseconds},
               {"relative_difference", way.difference}};
    if (way.planned > 0) entry["flops_planned"] = way.planned;
    json["ways"][way.name] = entry;
  }
  return json;
}

}  // namespace

std::string metrics_json(const Results& results) {
  Json json;
  json["seed"] = results.options.seed;
  json["device"] = std::string(name_of(current_device()));
  json["samples"] = results.options.samples;
  json["rank_threshold"] = kRankThreshold;
  for (const SubjectResults& subject : results.subjects) {
    json[subject.name]["spectrum"] = spectrum_json(subject.spectrum);
    json[subject.name]["divergence"] = cost_json(subject.cost);
  }
  json["seconds"] = results.seconds;
  return json.dump(2) + "\n";
}

}  // namespace nabla::jacobian_inspect
