#include "examples/digits/measure_samples.h"

#include <algorithm>
#include <numeric>

#include "engine/backend/device.h"
#include "engine/engine.h"
#include "examples/digits/dataset.h"
#include "examples/report/timing.h"
#include "flow/flow.h"

namespace nabla::digits {
namespace {

constexpr std::int64_t kProjections = 500;
constexpr std::int64_t kMostDraws = 5;
constexpr std::int64_t kShown = 64;

std::vector<double> first_images(const Tensor& images) {
  return cast(images({range(0, std::min(kShown, images.shape()[0]))}), DType::f64).to_vector<double>();
}

// Compares sets of images with the held-out ones; always by the same projections.
class Judge {
 public:
  Judge(const Tensor& training, const Tensor& held_out, const Tensor& key)
      : training_(training), held_out_(held_out), key_(key) {}

  // Means over the draws that `images` [draws * m, 64] holds, m being the number of held-out images.
  SampleQuality quality(const Tensor& images) const {
    const std::int64_t count = held_out_.shape()[0];
    const std::int64_t draws = images.shape()[0] / count;
    SampleQuality total;
    for (std::int64_t draw = 0; draw < draws; ++draw)
      add(total, images({range(draw * count, (draw + 1) * count)}));
    const auto average = [&](double& value) { value /= static_cast<double>(draws); };
    average(total.sliced_w2);
    for (double* value : {&total.one_nn_generated, &total.one_nn_real, &total.one_nn_accuracy,
                          &total.precision, &total.recall, &total.density, &total.coverage})
      average(*value);
    average(total.nearest_training);
    total.sliced_w2_over_floor = floor_ > 0 ? total.sliced_w2 / floor_ : 1;
    return total;
  }
  void set_floor(double sliced_w2) { floor_ = sliced_w2; }

 private:
  void add(SampleQuality& total, const Tensor& images) const {
    total.sliced_w2 += flow::sliced_wasserstein(key_, images, held_out_, kProjections);
    const flow::NearestNeighbourAccuracy own = flow::nearest_neighbour_accuracy(images, held_out_);
    total.one_nn_generated += own.first;
    total.one_nn_real += own.second;
    total.one_nn_accuracy += own.overall;
    const flow::PrecisionRecall reach = flow::precision_recall(held_out_, images);
    total.precision += reach.precision;
    total.recall += reach.recall;
    const flow::DensityCoverage modes = flow::density_coverage(held_out_, images);
    total.density += modes.density;
    total.coverage += modes.coverage;
    const std::vector<double> distances = flow::nearest_distances(images, training_);
    total.nearest_training +=
        std::accumulate(distances.begin(), distances.end(), 0.0) / static_cast<double>(distances.size());
  }

  const Tensor& training_;
  const Tensor& held_out_;
  Tensor key_;
  double floor_ = 0;
};

}  // namespace

SampleComparison compare_samples(const Tensor& training, const Tensor& held_out,
                                 const std::vector<Sampler>& samplers, const Tensor& key,
                                 const std::function<void(const std::string& name)>& on_done) {
  const Tensor keys = split(key, 4);
  Judge judge(training, held_out, keys[0]);
  SampleComparison comparison;
  comparison.per_draw = held_out.shape()[0];
  comparison.draws = std::min(kMostDraws, training.shape()[0] / comparison.per_draw);
  const std::int64_t count = comparison.draws * comparison.per_draw;

  comparison.floor = judge.quality(training({range(0, count)}));
  judge.set_floor(comparison.floor.sliced_w2);
  on_done("floor");
  const auto measure = [&](const Sampler& sampler) -> SamplerResult {
    const double start = report::now_seconds();
    const Tensor images = sampler.draw(count);
    evaluate({images});
    synchronize(current_device());
    const double seconds = report::now_seconds() - start;
    const SamplerResult result{sampler.name,          sampler.label,
                               sampler.evaluations,   seconds / static_cast<double>(count),
                               judge.quality(images), first_images(images)};
    on_done(sampler.name);
    return result;
  };
  for (const Sampler& sampler : samplers) comparison.samplers.push_back(measure(sampler));
  const std::vector<Sampler> controls{
      {"independent_gaussians", "independent Gaussians",
       [&](std::int64_t n) { return flow::independent_gaussians(keys[1], training, n); }},
      {"full_gaussian", "one full Gaussian",
       [&](std::int64_t n) { return flow::full_gaussian(keys[2], training, n); }},
      {"noise", "noise", [&](std::int64_t n) { return flow::noise(keys[3], training, n); }}};
  for (const Sampler& control : controls) comparison.controls.push_back(measure(control));
  return comparison;
}

}  // namespace nabla::digits
