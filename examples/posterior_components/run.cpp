#include "examples/posterior_components/run.h"

#include <algorithm>
#include <iterator>

#include "engine/engine.h"
#include "examples/digits/ready_model.h"
#include "examples/report/number.h"
#include "examples/report/progress.h"
#include "examples/report/timing.h"

namespace nabla::posterior_components {
namespace {

constexpr double kTimes[] = {.1, .2, .3, .5, .7, .9};

// Rows of the first image of every class, then of the second of every class, and so on.
std::vector<std::int64_t> class_after_class(const std::vector<int>& labels, std::int64_t count) {
  std::vector<std::int64_t> seen(digits::kClasses, 0), turns, rows;
  for (const int label : labels) turns.push_back(seen[label]++);
  for (std::size_t i = 0; i < labels.size(); ++i) rows.push_back(static_cast<std::int64_t>(i));
  std::ranges::stable_sort(rows, {}, [&](std::int64_t row) {
    const std::size_t i = row;
    return std::pair(turns[i], labels[i]);
  });
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(count)));
  return rows;
}

}  // namespace

Results run(const Options& options) {
  const double start = report::now_seconds();
  if (options.threads > 0) set_thread_count(options.threads);
  Results results;
  results.options = options;
  const Tensor keys = split(random_key(options.seed), 3);
  const digits::Images images = digits::read_images(options.data);
  const digits::ReadyModel ready =
      options.checkpoint.empty() ? digits::train_small_model(images, options.seed, options.steps, keys[0])
                                 : digits::load_model(options.checkpoint, images);
  results.network = ready.description;
  const std::vector<std::int64_t> rows = class_after_class(ready.data.held_out.labels, options.digits);
  for (const std::int64_t row : rows) results.labels.push_back(ready.data.held_out.labels[row]);
  const std::int64_t count = static_cast<std::int64_t>(rows.size());
  results.clean =
      digits::dequantise(take(ready.data.held_out.levels, tensor(rows, Shape{count})), keys[1]).detach();
  const Tensor noise = normal(keys[2], results.clean.shape()).detach();
  report::Progress progress("components", static_cast<std::int64_t>(std::size(kTimes)));
  for (const double t : kTimes) {
    results.times.push_back(principal_components(ready.model->velocity(), ready.metadata, results.clean,
                                                 noise, t, options.components));
    progress.update(static_cast<std::int64_t>(results.times.size()), "t = " + report::number(t));
  }
  results.seconds = report::now_seconds() - start;
  return results;
}

}  // namespace nabla::posterior_components
