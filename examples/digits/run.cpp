#include "examples/digits/run.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "engine/engine.h"
#include "examples/digits/train.h"
#include "examples/report/number.h"
#include "examples/report/progress.h"

namespace nabla::digits {
namespace {

constexpr std::int64_t kHeldOut = 297;
constexpr std::int64_t kShownSamples = 64;
constexpr std::int64_t kShownMaps = 4;
constexpr std::int64_t kSamplerSteps = 50;
constexpr std::int64_t kIdentityDigits = 4;
constexpr double kMeasuredTimes[] = {.1, .2, .3, .5, .7, .9};

// Adds the time since its construction to the results.
class Stopwatch {
 public:
  Stopwatch(Results& results, std::string part) : results_(results), part_(std::move(part)) {}
  ~Stopwatch() {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
    results_.seconds.emplace_back(part_, passed.count());
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  Results& results_;
  std::string part_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::vector<double> as_doubles(const Tensor& x) { return cast(x, DType::f64).to_vector<double>(); }

void train_model(Results& results, Model& averaged, const Images& images, const Tensor& init_key,
                 const Moments& moments, const Tensor& key) {
  const Stopwatch watch(results, "training");
  const Options& options = results.options;
  Model model(init_key, moments, options);
  results.parameters = model.network().parameter_count();
  report::Progress progress("training", options.steps);
  double smooth = 0;
  results.losses = train(model, averaged, images, options, key, [&](std::int64_t done, double loss) {
    const double weight = std::max(0.01, 1.0 / static_cast<double>(done));
    smooth += weight * (loss - smooth);
    progress.update(done, "loss " + report::fixed(smooth, 4));
  });
  const std::size_t tail = std::max<std::size_t>(1, results.losses.size() / 10);
  results.final_loss =
      std::accumulate(results.losses.end() - static_cast<std::ptrdiff_t>(tail), results.losses.end(), 0.0) /
      static_cast<double>(tail);
}

void draw_samples(Results& results, const flow::TimedField& field, const Images& held_out,
                  const Tensor& key) {
  const Stopwatch watch(results, "sampling");
  const std::int64_t count = std::min(kShownSamples, held_out.count());
  const Tensor noise = normal(key, Shape{kShownSamples, kPixels});
  const Tensor samples =
      flow::integrate(flow::Solver::heun, field, noise, flow::time_grid(0, 1, kSamplerSteps));
  results.generated_samples = as_doubles(samples);
  results.real_samples = as_doubles((held_out.levels({range(0, count)}) + 0.5) * (2.0 / kLevels) - 1);
}

void measure(Results& results, const flow::TimedField& field, const flow::EmpiricalField& oracle,
             const Tensor& clean, const Tensor& key) {
  const Stopwatch watch(results, "posterior on held-out digits");
  report::Progress progress("measuring", static_cast<std::int64_t>(std::size(kMeasuredTimes)));
  std::uint32_t number = 0;
  for (const double t : kMeasuredTimes) {
    results.posterior.push_back(measure_posterior(field, oracle, clean, t, fold_in(key, number++)));
    progress.update(number, "calibration " + report::fixed(results.posterior.back().calibration, 3) +
                                " at t = " + report::number(t));
  }
}

void draw_maps(Results& results, const flow::TimedField& field, const Tensor& clean, const Tensor& key) {
  const Stopwatch watch(results, "variance maps");
  const Tensor shown = clean({range(0, std::min(kShownMaps, clean.shape()[0]))});
  const Tensor noise = normal(key, shown.shape());
  for (const double t : kMeasuredTimes) results.maps.push_back(posterior_maps(field, shown, noise, t));
  results.map_digits = as_doubles(shown);
}

}  // namespace

Results run(const Options& options) {
  if (options.threads > 0) set_thread_count(options.threads);
  Results results;
  results.options = options;
  reset_peak_memory();
  const Tensor keys = split(random_key(options.seed), 9);
  const Split data = stratified_split(read_images(options.data), kHeldOut, keys[0]);
  results.training_images = data.training.count();
  results.held_out_images = data.held_out.count();

  const Moments moments = pixel_moments(data.training);
  Model averaged(keys[1], moments, options);
  train_model(results, averaged, data.training, keys[1], moments, keys[2]);
  const flow::TimedField field = averaged.field();

  const Tensor clean = dequantise(data.held_out.levels, keys[3]).detach();
  const Tensor known = dequantise(data.training.levels, keys[4]).detach();
  const flow::EmpiricalField oracle(cast(known, DType::f64));
  draw_samples(results, field, data.held_out, keys[5]);
  measure(results, field, oracle, clean, keys[6]);
  draw_maps(results, field, clean, keys[7]);
  {
    const Stopwatch watch(results, "identity check");
    results.identity_error = identity_error(known, clean({range(0, kIdentityDigits)}), keys[8]);
  }
  results.peak_bytes = memory_statistics().peak_bytes;
  return results;
}

}  // namespace nabla::digits
