#include "examples/mnist_classifier/run.h"

#include <algorithm>

#include "engine/engine.h"
#include "examples/mnist_classifier/checkpoint.h"
#include "examples/report/number.h"
#include "examples/report/progress.h"
#include "examples/report/timing.h"

namespace nabla::mnist_classifier {
namespace {

// Trains to the end and saves on the way.
void train(Training& training, Results& results) {
  const Options& options = results.options;
  const std::int64_t ahead = training.steps() - results.resumed_at;
  report::Progress progress("training", std::max<std::int64_t>(1, ahead));
  const double start = report::now_seconds();
  double smooth = 0;
  while (!training.finished()) {
    training.step();
    const std::int64_t done = training.steps_done() - results.resumed_at;
    const double weight = std::max(0.01, 1.0 / static_cast<double>(done));
    smooth += weight * (training.losses().back() - smooth);
    progress.update(done, "epoch " +
                              std::to_string((training.steps_done() - 1) / training.steps_per_epoch() + 1) +
                              ", loss " + report::fixed(smooth, 4));
    if (training.finished() || training.steps_done() % options.checkpoint_every == 0)
      save_checkpoint(training, options);
  }
  results.training_seconds = report::now_seconds() - start;
}

std::vector<double> levels_of(const Images& images, const std::vector<Misread>& misread) {
  std::vector<double> levels;
  for (const Misread& one : misread) {
    const std::vector<double> image = cast(images.levels[one.image], DType::f64).to_vector<double>();
    levels.insert(levels.end(), image.begin(), image.end());
  }
  return levels;
}

}  // namespace

Results run(const Options& options) {
  if (options.threads > 0) set_thread_count(options.threads);
  reset_peak_memory();
  const Dataset data = read_dataset(options.data);
  Training training(data, options);
  if (options.resume) load_checkpoint(training, options);
  Results results;
  results.options = options;
  results.training_images = data.training.count();
  results.parameters = training.parameter_count();
  results.steps_per_epoch = training.steps_per_epoch();
  results.resumed_at = training.steps_done();
  train(training, results);
  results.losses = training.losses();

  Classifier averaged(random_key(0), options);
  training.copy_average_to(averaged);
  save_weights(averaged, options);
  const double start = report::now_seconds();
  results.test = evaluate(averaged, data.test);
  results.test_seconds = report::now_seconds() - start;
  results.misread_images = levels_of(data.test, results.test.misread);
  results.peak_bytes = memory_statistics().peak_bytes;
  return results;
}

}  // namespace nabla::mnist_classifier
