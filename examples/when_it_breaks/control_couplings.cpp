// Noise that is not drawn as the identity asks: tied to the data, or not normal.

#include <cmath>
#include <numbers>

#include "engine/engine.h"
#include "examples/when_it_breaks/control.h"

namespace nabla::when_it_breaks {
namespace {

// The optimal map multiplies an element of variance l by sqrt(l): x_t = q x0 with q = t sqrt(l) + 1 - t.
Tensor optimal_velocity(const Tensor& x, const Tensor& t) {
  const Tensor root = sqrt(variances());
  return (root - 1) / (t * root + 1 - t) * x;
}

Tensor mean_trace(const Tensor& matrices) { return sum(trace(matrices)); }

Tensor rings(const Tensor& key, std::int64_t count) {
  const Tensor keys = split(key, 3);
  const Shape column{count, 1};
  const Tensor angle = uniform(keys[0], column, DType::f64) * (2 * std::numbers::pi);
  const Tensor radius = 1.2 + sign(uniform(keys[1], column, DType::f64) - .5) * .7;
  return concatenate({radius * cos(angle), radius * sin(angle)}, 1) +
         .1 * normal(keys[2], Shape{count, 2}, DType::f64);
}

// Two normal elements within a radius of 1.
Tensor pruned_noise(const Tensor& key, std::int64_t count) {
  const Tensor keys = split(key, 2);
  const Shape column{count, 1};
  const Tensor angle = uniform(keys[0], column, DType::f64) * (2 * std::numbers::pi);
  const Tensor radius = sqrt(-2 * log1p(-uniform(keys[1], column, DType::f64) * (1 - std::exp(-.5))));
  return concatenate({radius * cos(angle), radius * sin(angle)}, 1);
}

}  // namespace

Control optimal_coupling_own(const Setting& setting) {
  Control control{
      .name = "optimal coupling",
      .text =
          "Normal data with noise handed out by the optimal map, as minibatch optimal transport does for "
          "large batches. Then x_t determines x1: the mean is right and the true covariance 0, yet the "
          "Jacobian tells `((1-t)²/t) sqrt(l) / (t sqrt(l) + 1 - t)` for an element of variance l. Measured "
          "on pairs of that coupling; the calibration is 0 at every time.",
      .refusal = refusal_of({.coupling = "minibatch_ot"}),
      .predicted = std::vector<double>(setting.times.size(), 0.)};
  control.report = report_of(optimal_velocity, normal_data(fold_in(setting.key, 100), setting.samples),
                             setting, [](const Tensor&, const Tensor& data) {
                               return flow::Pair{data / sqrt(variances()), data};
                             });
  return control;
}

Control optimal_coupling_independent(const Setting& setting) {
  Control control{.name = "the same, unaware",
                  .text =
                      "The same field, measured on independent noise as by somebody who does not know of the "
                      "coupling. The calibration of one element is `2 t sqrt(l) / (t sqrt(l) + 1 - t)`: it "
                      "rises from 0 to 2 and is 1 in between, where no calibration can see it.",
                  .refusal = refusal_of({.coupling = "minibatch_ot"}),
                  .predicted = linear_calibrations(setting.times, [](double l, double t) {
                    return std::sqrt(l) / (t * std::sqrt(l) + 1 - t);
                  })};
  control.report =
      report_of(optimal_velocity, normal_data(fold_in(setting.key, 100), setting.samples), setting);
  return control;
}

Control minibatch_coupling(const Setting& setting) {
  constexpr std::int64_t kPairs = 300;
  constexpr double kBlur = .3;
  const Tensor keys = split(fold_in(setting.key, 101), 3);
  const flow::Pair pair = flow::minibatch_ot_coupling(keys[0], rings(keys[1], kPairs));
  const Tensor noise = (pair.x0 * std::sqrt(1 - kBlur * kBlur)).detach();
  const flow::PairedField field(noise, pair.x1, kBlur);
  const Tensor rows = integers(keys[2], Shape{setting.samples}, 0, kPairs);
  const flow::Coupling own = [&](const Tensor& key, const Tensor& data) {
    return flow::Pair{take(noise, rows) + kBlur * normal(key, data.shape(), DType::f64), data};
  };
  const Tensor x1 = take(pair.x1, rows);
  Control control{.name = "minibatch coupling of rings",
                  .text =
                      "Two rings, coupled to normal noise by exact optimal transport of 300 pairs. Blurred "
                      "by `h = 0.3`, the pairs have a field in closed form. Its Jacobian tells `(S + "
                      "((1-t)/t) Cov(x1, x0 | x_t)) / h²`, which need not be symmetric; the prediction is "
                      "the mean of tr S over the mean of its trace. Measured on pairs of the coupling.",
                  .refusal = refusal_of({.coupling = "minibatch_ot"})};
  for (std::size_t i = 0; i < setting.times.size(); ++i) {
    const double time = setting.times[i];
    const Tensor t = flow::shared_time(time, DType::f64);
    const flow::Pair drawn = own(fold_in(setting.key, static_cast<std::uint32_t>(i)), x1);
    const Tensor x = flow::interpolate(flow::linear_path(), drawn.x0, drawn.x1, t).x;
    const Tensor w = insert_axes(field.weights(x, t), {-1});
    const Tensor centred = w * (pair.x1 - insert_axes(field.posterior_mean(x, t), {-2}));
    const Tensor told = matmul(transpose(centred), pair.x1 + (1 / time - 1) * noise) / (kBlur * kBlur);
    control.predicted.push_back((mean_trace(field.posterior_covariance(x, t)) / mean_trace(told)).item());
  }
  control.report =
      report_of([&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); }, x1, setting, own);
  return control;
}

Control pruned_source(const Setting& setting) {
  constexpr std::int64_t kPairs = 4000;
  constexpr double kBlur = .25;
  const Tensor keys = split(fold_in(setting.key, 102), 3);
  const double keep = std::sqrt(1 - kBlur * kBlur);
  const flow::PairedField field(keep * pruned_noise(keys[0], kPairs), normal_data(keys[1], kPairs), kBlur);
  // The variance of an element within the radius 1, and with the blur.
  const double pruned = 1 - .5 * std::exp(-.5) / (1 - std::exp(-.5));
  Control control{
      .name = "pruned source",
      .text =
          "Normal noise of which what lies beyond the radius 1 is left out: the variance of an element is "
          ".229. The field is that of 4000 pairs, blurred by h = 0.25. As for a scaled source the trace is "
          "too large by about the reciprocal of the source's variance, .277 with the blur; the prediction "
          "leaves out that the source is not normal. Late in the path 4000 pairs are too few, so only the "
          "first times are measured.",
      .refusal = refusal_of({.source = "pruned_normal"}),
      .exact = false};
  Setting early = setting;
  std::erase_if(early.times, [](double t) { return t > .35; });
  control.predicted = std::vector<double>(early.times.size(), keep * keep * pruned + kBlur * kBlur);
  control.report = report_of([&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); },
                             normal_data(keys[2], std::min<std::int64_t>(setting.samples, 2000)), early,
                             [&](const Tensor& key, const Tensor& data) {
                               const Tensor parts = split(key, 2);
                               return flow::Pair{keep * pruned_noise(parts[0], data.shape()[0]) +
                                                     kBlur * normal(parts[1], data.shape(), DType::f64),
                                                 data};
                             });
  return control;
}

}  // namespace nabla::when_it_breaks
