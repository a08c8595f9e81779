#include "examples/jacobian_inspect/run.h"

#include <iterator>

#include "engine/engine.h"
#include "examples/report/number.h"
#include "examples/report/progress.h"
#include "examples/report/timing.h"

namespace nabla::jacobian_inspect {
namespace {

constexpr double kTimes[] = {.05, .1, .2, .3, .4, .5, .6, .7, .8, .9, .95};
constexpr double kCostTime = .5;

}  // namespace

Results run(const Options& options) {
  const double start = report::now_seconds();
  if (options.threads > 0) set_thread_count(options.threads);
  Results results;
  results.options = options;
  const std::vector<Subject> subjects = make_subjects(options);
  const Tensor keys = split(fold_in(random_key(options.seed), 1), 2);
  const std::int64_t times = static_cast<std::int64_t>(std::size(kTimes));
  report::Progress spectra("Jacobians", static_cast<std::int64_t>(subjects.size()) * times);
  std::int64_t done = 0;
  for (const Subject& subject : subjects) {
    SubjectResults subject_results{subject.name, subject.title, subject.description, {}, {}};
    for (const double t : kTimes) {
      subject_results.spectrum.push_back(inspect_spectrum(subject, t, options.samples, keys[0]));
      spectra.update(++done, subject.name + " at t = " + report::number(t));
    }
    results.subjects.push_back(std::move(subject_results));
  }
  report::Progress costs("divergences", static_cast<std::int64_t>(subjects.size()));
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    results.subjects[i].cost =
        measure_divergence(subjects[i], kCostTime, options.batch, options.seconds, keys[1]);
    costs.update(static_cast<std::int64_t>(i) + 1, subjects[i].name);
  }
  results.seconds = report::now_seconds() - start;
  return results;
}

}  // namespace nabla::jacobian_inspect
