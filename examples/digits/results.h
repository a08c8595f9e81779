#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "examples/digits/measure.h"
#include "examples/digits/measure_likelihood.h"
#include "examples/digits/measure_one_step.h"
#include "examples/digits/measure_samples.h"
#include "examples/digits/measure_trace.h"
#include "examples/digits/options.h"
#include "examples/digits/training.h"

namespace nabla::digits {

/// What a run found out about one network.
struct NetworkResults {
  std::int64_t parameters = 0;
  std::int64_t resumed_at = 0;    ///< steps that an earlier run had done
  double training_seconds = 0;    ///< in this run, checkpoints included
  double seconds_per_step = 0;    ///< the same for each step
  flow::FieldMetadata metadata;   ///< what decides whether its Jacobian tells a posterior
  std::vector<LossCurve> losses;  ///< see Training::losses
  std::vector<PosteriorMeasure> posterior;
  LikelihoodMeasure likelihood;
};

/// Everything that a run found out.
struct Results {
  Options options;
  std::int64_t training_images = 0;
  std::int64_t held_out_images = 0;
  NetworkResults flow_matching;
  NetworkResults mean_flow;
  double gaussian_bits_per_dim = 0;  ///< of one full Gaussian fitted to the training digits
  double identity_error = 0;
  TraceCost trace_cost;  ///< of the flow-matching network
  std::vector<PlannedSaving> planned_savings;
  ResidualMeasure residuals;  ///< of the average velocity
  OneStepMeasure one_step;
  SampleComparison samples;
  std::vector<double> real_images;  ///< [n, 64], in the middle of their levels
  std::vector<PosteriorMaps> maps;  ///< one for each time
  std::vector<double> map_digits;   ///< [n, 64], the clean images of the maps
  OneStepMaps one_step_maps;
  std::vector<std::pair<std::string, double>> seconds;  ///< parts of the run, in order
  std::size_t peak_bytes = 0;
};

}  // namespace nabla::digits
