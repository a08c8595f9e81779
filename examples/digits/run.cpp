#include "examples/digits/run.h"

#include <algorithm>

#include "engine/engine.h"
#include "examples/digits/checkpoint.h"
#include "examples/report/number.h"
#include "examples/report/progress.h"
#include "examples/report/timing.h"

namespace nabla::digits {
namespace {

constexpr std::int64_t kShownSamples = 64;
constexpr std::int64_t kShownMaps = 4;
constexpr std::int64_t kShownOneStep = 8;
constexpr std::int64_t kIdentityDigits = 4;
constexpr double kMeasuredTimes[] = {.1, .2, .3, .5, .7, .9};
constexpr double kOneStepTime = .5;
constexpr double kTraceTime = .5;
constexpr double kSolverTolerance = 1e-3;

// Adds the time since its construction to the results.
class Stopwatch {
 public:
  Stopwatch(Results& results, std::string part) : results_(results), part_(std::move(part)) {}
  ~Stopwatch() { results_.seconds.emplace_back(part_, report::now_seconds() - start_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Results& results_;
  std::string part_;
  double start_ = report::now_seconds();
};

std::vector<double> as_doubles(const Tensor& x) { return cast(x, DType::f64).to_vector<double>(); }

// Goes on from a checkpoint where asked to, trains to the end and saves on the way.
NetworkResults train(Training& training, const Options& options) {
  NetworkResults network;
  network.parameters = training.parameter_count();
  network.metadata = field_metadata(training, options);
  if (options.resume) {
    if (const auto saved = load_checkpoint(training, options)) network.metadata = *saved;
    network.resumed_at = training.steps_done();
  }
  const std::int64_t ahead = training.steps() - network.resumed_at;
  report::Progress progress("training " + name_of(training.kind()), std::max<std::int64_t>(1, ahead));
  const double start = report::now_seconds();
  double smooth = 0;
  while (!training.finished()) {
    training.step();
    const std::int64_t done = training.steps_done() - network.resumed_at;
    const double weight = std::max(0.01, 1.0 / static_cast<double>(done));
    smooth += weight * (training.losses().front().values.back() - smooth);
    progress.update(done, "loss " + report::fixed(smooth, 4));
    if (training.finished() || training.steps_done() % options.checkpoint_every == 0)
      save_checkpoint(training, options);
  }
  network.training_seconds = report::now_seconds() - start;
  network.seconds_per_step = ahead > 0 ? network.training_seconds / static_cast<double>(ahead) : 0;
  network.losses = training.losses();
  network.metadata.step = training.steps_done();
  return network;
}

// Noise to data by the adaptive solver; `evaluations` receives the number of evaluations.
Tensor solve(const flow::TimedField& v, const Tensor& noise, std::int64_t& evaluations) {
  const flow::AdaptiveSolution solution =
      flow::integrate_adaptive(v, noise, 0, 1, {.rtol = kSolverTolerance, .atol = kSolverTolerance});
  evaluations = solution.evaluations;
  return solution.x;
}

void compare(Results& results, const Model& flow_matching, const Model& mean_flow, const Tensor& known,
             const Tensor& clean, const Tensor& key) {
  const Stopwatch watch(results, "sampling");
  const Tensor keys = split(key, 2);
  const flow::AverageField u = mean_flow.average_velocity();
  const auto noise = [&](std::int64_t count) { return normal(keys[0], Shape{count, kPixels}); };
  // The evaluations of the adaptive solver are known when it is done.
  std::int64_t flow_matching_evaluations = 0, mean_flow_evaluations = 0;
  std::vector<Sampler> samplers{
      {"flow_matching_ode", "flow matching, ODE",
       [&](std::int64_t n) { return solve(flow_matching.velocity(), noise(n), flow_matching_evaluations); }},
      {"mean_flow_ode", "MeanFlow, ODE",
       [&](std::int64_t n) { return solve(mean_flow.velocity(), noise(n), mean_flow_evaluations); }}};
  for (const std::int64_t steps : {1, 2, 4})
    samplers.push_back({"mean_flow_" + std::to_string(steps),
                        "MeanFlow, " + std::to_string(steps) + (steps == 1 ? " step" : " steps"),
                        [&u, &noise, steps](std::int64_t n) {
                          return flow::integrate_average(u, noise(n), flow::time_grid(0, 1, steps));
                        },
                        steps});
  report::Progress progress("sampling", static_cast<std::int64_t>(samplers.size()) + 4);
  std::int64_t done = 0;
  results.samples = compare_samples(known, clean, samplers, keys[1],
                                    [&](const std::string& name) { progress.update(++done, name); });
  results.samples.samplers[0].evaluations = flow_matching_evaluations;
  results.samples.samplers[1].evaluations = mean_flow_evaluations;
}

// `oracle` may be null.
void measure(Results& results, NetworkResults& network, const Model& model,
             const flow::EmpiricalField* oracle, const Tensor& clean, const Tensor& key) {
  const std::string name = name_of(model.kind());
  const flow::TimedField v = model.velocity();
  {
    const Stopwatch watch(results, "posterior, " + name);
    report::Progress progress("posterior, " + name, static_cast<std::int64_t>(std::size(kMeasuredTimes)));
    std::uint32_t number = 0;
    for (const double t : kMeasuredTimes) {
      network.posterior.push_back(
          measure_posterior(v, network.metadata, oracle, clean, t, fold_in(key, number++)));
      progress.update(number, "calibration " + report::fixed(network.posterior.back().calibration, 3) +
                                  " at t = " + report::number(t));
    }
  }
  const Stopwatch watch(results, "likelihood, " + name);
  report::Progress progress("likelihood, " + name, 100);
  network.likelihood = measure_likelihood(
      v, clean, [&](double share) { progress.update(static_cast<std::int64_t>(100 * share)); });
}

void measure_one_step_model(Results& results, const Model& model, const Tensor& clean, const Tensor& key) {
  const Stopwatch watch(results, "one-step uncertainty");
  const Tensor keys = split(key, 3);
  const flow::AverageField u = model.average_velocity();
  results.residuals = measure_residuals(u, clean, keys[0]);
  results.one_step = measure_one_step(u, results.mean_flow.metadata, clean, keys[1]);
  results.one_step_maps = one_step_maps(u, results.mean_flow.metadata,
                                        normal(keys[2], Shape{kShownOneStep, kPixels}), kOneStepTime);
}

void draw_maps(Results& results, const flow::TimedField& field, const Tensor& clean, const Tensor& key) {
  const Stopwatch watch(results, "variance maps");
  const Tensor shown = clean({range(0, std::min(kShownMaps, clean.shape()[0]))});
  const Tensor noise = normal(key, shown.shape());
  for (const double t : kMeasuredTimes)
    results.maps.push_back(posterior_maps(field, results.flow_matching.metadata, shown, noise, t));
  results.map_digits = as_doubles(shown);
}

}  // namespace

std::optional<Results> run(const Options& options) {
  if (options.threads > 0) set_thread_count(options.threads);
  Results results;
  results.options = options;
  reset_peak_memory();
  const Tensor keys = split(random_key(options.seed), 14);
  const Split data = split_of_run(read_images(options.data), options.seed);  // by the first key
  results.training_images = data.training.count();
  results.held_out_images = data.held_out.count();

  const Moments moments = pixel_moments(data.training);
  Model flow_matching(Kind::flow_matching, keys[1], moments, options);
  Model mean_flow(Kind::mean_flow, keys[9], moments, options);
  // The models that are measured hold the moving averages of those that are trained.
  const auto train_model = [&](Model& averaged, const Tensor& initial_key, const Tensor& key) {
    const Stopwatch watch(results, "training, " + name_of(averaged.kind()));
    Training training(averaged.kind(), moments, data, options, initial_key, key);
    NetworkResults network = train(training, options);
    training.copy_average_to(averaged);
    return network;
  };
  results.flow_matching = train_model(flow_matching, keys[1], keys[2]);
  results.mean_flow = train_model(mean_flow, keys[9], keys[10]);
  if (options.train_only) return std::nullopt;

  const Tensor clean = dequantise(data.held_out.levels, keys[3]).detach();
  const Tensor known = dequantise(data.training.levels, keys[4]).detach();
  const flow::EmpiricalField oracle(cast(known, DType::f64));
  results.real_images =
      as_doubles((data.held_out.levels({range(0, std::min(kShownSamples, data.held_out.count()))}) + 0.5) *
                     (2.0 / kLevels) -
                 1);
  compare(results, flow_matching, mean_flow, known, clean, keys[5]);
  results.gaussian_bits_per_dim = gaussian_bits_per_dim(known, clean);
  measure(results, results.flow_matching, flow_matching, &oracle, clean, keys[6]);
  measure(results, results.mean_flow, mean_flow, nullptr, clean, keys[11]);
  {
    const Stopwatch watch(results, "trace, by tangents and planned");
    results.trace_cost = measure_trace_cost(flow_matching.velocity(), clean, kTraceTime);
    results.planned_savings = planned_savings(options.width, clean.shape()[0]);
  }
  measure_one_step_model(results, mean_flow, clean, keys[12]);
  draw_maps(results, flow_matching.velocity(), clean, keys[7]);
  {
    const Stopwatch watch(results, "identity check");
    results.identity_error = identity_error(known, clean({range(0, kIdentityDigits)}), keys[8]);
  }
  results.peak_bytes = memory_statistics().peak_bytes;
  return results;
}

}  // namespace nabla::digits
