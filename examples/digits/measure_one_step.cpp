#include "examples/digits/measure_one_step.h"

#include <cmath>

#include "engine/engine.h"
#include "examples/digits/dataset.h"
#include "examples/digits/measure_likelihood.h"
#include "flow/flow.h"
#include "uncertainty/uncertainty.h"

namespace nabla::digits {
namespace {

// Full Jacobians and an integrated likelihood for each: fewer images tell enough.
constexpr std::int64_t kLikelihoodImages = 64;
constexpr double kTimes[] = {.3, .5, .7};

double root_ratio(const Tensor& part, const Tensor& whole) {
  return std::sqrt((sum(square(part)) / sum(square(whole))).item());
}

}  // namespace

ResidualMeasure measure_residuals(const flow::AverageField& u, const Tensor& x1, const Tensor& key) {
  const Tensor keys = split(key, 2);
  const std::int64_t count = x1.shape()[0];
  const flow::TimePairs times = flow::uniform_time_pairs(keys[0], count, count, x1.dtype());
  const Tensor x =
      flow::interpolate(flow::linear_path(), normal(keys[1], x1.shape(), x1.dtype()), x1, times.t).x;
  const Tensor average = u(x, times.t, times.r);
  const Tensor half_way = (times.t + times.r) * 0.5;
  return {root_ratio(flow::meanflow_residual(u, x, times.t, times.r), average),
          root_ratio(flow::split_residual(u, x, times.t, half_way, times.r), (times.r - times.t) * average)};
}

OneStepMeasure measure_one_step(const flow::AverageField& u, const flow::FieldMetadata& metadata,
                                const Tensor& x1, const Tensor& key) {
  const Tensor keys = split(key, 2);
  const flow::TimedField v = flow::instantaneous(u);
  const Tensor x0 = normal(keys[0], x1.shape(), x1.dtype());
  const Tensor noise = normal(keys[1], x1.shape(), x1.dtype());
  OneStepMeasure measure;
  for (const double time : kTimes) {
    const Tensor t = flow::shared_time(time, x1.dtype());
    const Tensor x = flow::interpolate(flow::linear_path(), noise, x1, t).x.detach();
    const Tensor push_forward = sum(diagonal(uncertainty::push_forward_covariance(u, x, t)), {-1});
    const uncertainty::PosteriorOptions known{.metadata = metadata};
    const uncertainty::Posterior posterior = uncertainty::posterior(u, flow::linear_path(), x, t, t, known);
    const Tensor parts =
        stack({mean(uncertainty::inner_posterior(u, x0, t, known).posterior.trace()), mean(posterior.trace()),
               mean(push_forward), uncertainty::calibration_ratio(x1, posterior.mean(), push_forward)});
    const std::vector<double> values = cast(parts, DType::f64).to_vector<double>();
    measure.times.push_back({time, values[0], values[1], values[2], values[3]});
  }
  const Tensor few = x0({range(0, std::min(kLikelihoodImages, x0.shape()[0]))});
  measure.one_step_bits_per_dim =
      flow::bits_per_dim(mean(uncertainty::one_step_log_density(u, few)).item(), kPixels, kLevels);
  const Tensor samples = flow::integrate_average(u, few, std::vector<double>{0, 1}).detach();
  measure.integrated_bits_per_dim = measure_likelihood(v, samples).bits_per_dim;
  return measure;
}

OneStepMaps one_step_maps(const flow::AverageField& u, const flow::FieldMetadata& metadata, const Tensor& x0,
                          double t) {
  const Tensor time = flow::shared_time(t, x0.dtype());
  const uncertainty::InnerPosterior inner = uncertainty::inner_posterior(u, x0, time, {.metadata = metadata});
  // A trained field may be slightly negative where it is all but certain.
  const OneStepMaps maps{t, flow::integrate_average(u, x0, std::vector<double>{0, 1}), inner.posterior.mean(),
                         sqrt(max(inner.posterior.variance(), 0)),
                         sqrt(diagonal(uncertainty::push_forward_covariance(u, inner.x_t, time)))};
  return {t, maps.sample.detach(), maps.mean.detach(), maps.inner.detach(), maps.push_forward.detach()};
}

}  // namespace nabla::digits
