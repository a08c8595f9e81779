#include "examples/gmm_oracle/run.h"

#include <algorithm>

#include "engine/engine.h"
#include "examples/gmm_oracle/picture.h"
#include "examples/report/number.h"
#include "examples/report/progress.h"
#include "examples/report/timing.h"

namespace nabla::gmm_oracle {
namespace {

constexpr double kShownTimes[] = {.25, .5, .75};
constexpr std::int64_t kShownSamples = 3;

std::vector<flow::AffinePath> paths() {
  return {flow::linear_path(), flow::trigonometric_path(),
          flow::make_path(
              "variance preserving", [](const Tensor& t) { return t; },
              [](const Tensor& t) { return sqrt(1 - square(t)); })};
}

}  // namespace

bool Results::passed() const {
  return std::ranges::all_of(errors, [](const PathErrors& path) {
    return std::ranges::all_of(path.members, &MemberErrors::passed);
  });
}

Results run(const Options& options) {
  if (options.threads > 0) set_thread_count(options.threads);
  const double start = report::now_seconds();
  Results results;
  results.options = options;
  const Tensor keys = split(random_key(options.seed), 8);
  const std::vector<flow::AffinePath> all_paths = paths();
  report::Progress progress("posteriors against closed forms",
                            static_cast<std::int64_t>(2 * all_paths.size() * kTimes.size()));
  std::int64_t done = 0;
  for (const std::int64_t dimension : {2, 8})
    for (const flow::AffinePath& path : all_paths) {
      const Mixture mixture(keys[dimension == 2 ? 0 : 1], dimension == 2 ? 5 : 4, dimension, path);
      const std::string name = std::to_string(dimension) + " dimensions, " + path.name;
      results.errors.push_back(measure_errors(mixture, path, keys[2], options.samples, options.draws,
                                              [&] { progress.update(++done, name); }));
    }

  const flow::AffinePath path = flow::linear_path();
  const Mixture plane(keys[0], 5, 2, path);
  results.skewness = measure_skewness(plane, path, keys[3], kShownSamples);
  const Tensor x1 = plane.data(keys[4], kShownSamples);
  const Tensor x0 = normal(keys[5], x1.shape(), DType::f64);
  for (const double t : kShownTimes) {
    const Tensor x = flow::interpolate(path, x0, x1, flow::shared_time(t, DType::f64)).x.detach();
    const std::string caption = "t = " + report::number(t);
    results.exact_points.push_back({posterior_picture(plane, path, x, t, keys[6], Points::exact), caption});
    results.gaussian_points.push_back(
        {posterior_picture(plane, path, x, t, keys[7], Points::gaussian), caption});
  }
  results.seconds = report::now_seconds() - start;
  return results;
}

}  // namespace nabla::gmm_oracle
