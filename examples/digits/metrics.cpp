#include "examples/digits/metrics.h"

#include <nlohmann/json.hpp>

#include "engine/backend/device.h"

namespace nabla::digits {
namespace {

using Json = nlohmann::ordered_json;

Json posterior_json(const std::vector<PosteriorMeasure>& measures) {
  Json entries = Json::array();
  for (const PosteriorMeasure& measure : measures) {
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
    entries.push_back(entry);
  }
  return entries;
}

Json one_step_json(const OneStepMeasure& measure) {
  Json json;
  json["times"] = Json::array();
  for (const OneStepMeasure::AtTime& at : measure.times)
    json["times"].push_back({{"t", at.t},
                             {"inner_trace_mean", at.inner_trace},
                             {"held_out_trace_mean", at.held_out_trace},
                             {"push_forward_trace_mean", at.push_forward_trace},
                             {"push_forward_calibration", at.push_forward_ratio}});
  json["own_samples_bits_per_dim"] = measure.one_step_bits_per_dim;
  json["own_samples_bits_per_dim_integrated"] = measure.integrated_bits_per_dim;
  return json;
}

Json mean_flow_json(const Results& results) {
  const NetworkResults& network = results.mean_flow;
  Json json;
  json["steps"] = results.options.mean_flow_steps;
  json["parameters"] = network.parameters;
  for (const LossCurve& curve : network.losses) json["losses"][curve.name] = curve.final_mean();
  json["identity_residual"] = results.residuals.identity;
  json["split_residual"] = results.residuals.split;
  json["posterior"] = posterior_json(network.posterior);
  json["bits_per_dim"] = network.likelihood.bits_per_dim;
  json["bits_per_dim_standard_error"] = network.likelihood.standard_error;
  json["bits_per_dim_quadrature_error"] = network.likelihood.quadrature_error;
  json["one_step"] = one_step_json(results.one_step);
  json["train_seconds"] = network.training_seconds;
  json["seconds_per_step"] = network.seconds_per_step;
  return json;
}

Json quality_json(const SampleQuality& quality) {
  return {{"sliced_w2", quality.sliced_w2},
          {"sliced_w2_over_floor", quality.sliced_w2_over_floor},
          {"one_nn_accuracy", quality.one_nn_accuracy},
          {"one_nn_generated", quality.one_nn_generated},
          {"one_nn_real", quality.one_nn_real},
          {"precision", quality.precision},
          {"recall", quality.recall},
          {"density", quality.density},
          {"coverage", quality.coverage},
          {"nearest_training_distance", quality.nearest_training}};
}

Json sampler_json(const SamplerResult& sampler) {
  Json json = quality_json(sampler.quality);
  json["evaluations"] = sampler.evaluations;
  json["seconds_per_image"] = sampler.seconds_per_image;
  return json;
}

Json samplers_json(const SampleComparison& samples) {
  Json json;
  json["draws"] = samples.draws;
  json["images_per_draw"] = samples.per_draw;
  for (const SamplerResult& sampler : samples.samplers) json[sampler.name] = sampler_json(sampler);
  json["floor"] = quality_json(samples.floor);
  for (const SamplerResult& control : samples.controls)
    json["controls"][control.name] = quality_json(control.quality);
  return json;
}

}  // namespace

std::string metrics_json(const Results& results) {
  const Options& options = results.options;
  Json json;
  json["seed"] = options.seed;
  json["device"] = std::string(name_of(current_device()));
  json["steps"] = options.steps;
  json["batch"] = options.batch;
  json["width"] = options.width;
  json["layers"] = options.layers;
  json["parameters"] = results.flow_matching.parameters;
  json["training_digits"] = results.training_images;
  json["held_out_digits"] = results.held_out_images;
  json["train_seconds"] = results.flow_matching.training_seconds;
  json["loss"] = results.flow_matching.losses.front().final_mean();
  json["seconds_per_step"] = results.flow_matching.seconds_per_step;
  json["posterior"] = posterior_json(results.flow_matching.posterior);
  for (const PlannedSaving& saving : results.planned_savings)
    json["trace_planned"].push_back(
        {{"pixels", saving.pixels},
         {"layers", saving.layers},
         {"operations_saved", saving.tangent_operations / saving.chosen_operations}});
  json["trace"] = {{"operations_saved", results.trace_cost.saving},
                   {"tangent_seconds", results.trace_cost.tangent_seconds},
                   {"chosen_seconds", results.trace_cost.chosen_seconds},
                   {"difference", results.trace_cost.difference}};
  json["identity_oracle_max_error"] = results.identity_error;
  json["bits_per_dim"] = results.flow_matching.likelihood.bits_per_dim;
  json["bits_per_dim_standard_error"] = results.flow_matching.likelihood.standard_error;
  json["bits_per_dim_quadrature_error"] = results.flow_matching.likelihood.quadrature_error;
  json["full_gaussian_bits_per_dim"] = results.gaussian_bits_per_dim;
  json["meanflow"] = mean_flow_json(results);
  json["samplers"] = samplers_json(results.samples);
  json["peak_bytes"] = results.peak_bytes;
  for (const auto& [part, time] : results.seconds) json["seconds"][part] = time;
  return json.dump(2) + "\n";
}

}  // namespace nabla::digits
