#include "examples/when_it_breaks/run.h"

#include <algorithm>
#include <functional>

#include "engine/engine.h"
#include "examples/report/progress.h"
#include "examples/report/timing.h"

namespace nabla::when_it_breaks {
namespace {

const std::vector<double> kTimes{.1, .15, .2, .3, .4, .5, .6, .7, .8, .9};

bool as_it_should(const Control& control) {
  if (control.sound) return control.report.passed() && control.refusal.empty() && control.as_predicted();
  return !control.report.passed() && !control.refusal.empty() && control.as_predicted();
}

}  // namespace

bool Results::passed() const { return std::ranges::all_of(controls, as_it_should); }

Results run(const Options& options) {
  if (options.threads > 0) set_thread_count(options.threads);
  const double start = report::now_seconds();
  Results results;
  results.options = options;
  const Setting setting{random_key(options.seed), options.samples, kTimes};
  const std::vector<std::function<Control()>> controls{[&] { return guidance(setting, 1); },
                                                       [&] { return optimal_coupling_own(setting); },
                                                       [&] { return optimal_coupling_independent(setting); },
                                                       [&] { return minibatch_coupling(setting); },
                                                       [&] { return guidance(setting, 2); },
                                                       [&] { return guidance(setting, 4); },
                                                       [&] { return average_velocity(setting); },
                                                       [&] { return scaled_source(setting, .6); },
                                                       [&] { return scaled_source(setting, 1.5); },
                                                       [&] { return pruned_source(setting); }};
  report::Progress progress("controls", static_cast<std::int64_t>(controls.size()));
  for (const auto& control : controls) {
    results.controls.push_back(control());
    progress.update(static_cast<std::int64_t>(results.controls.size()), results.controls.back().name);
  }
  results.seconds = report::now_seconds() - start;
  return results;
}

}  // namespace nabla::when_it_breaks
