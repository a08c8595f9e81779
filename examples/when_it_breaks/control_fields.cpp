// Fields that are no conditional mean, or not of the source that is declared.

#include <cmath>

#include "engine/engine.h"
#include "examples/report/number.h"
#include "examples/when_it_breaks/control.h"

namespace nabla::when_it_breaks {
namespace {

double trace_of(const Tensor& matrix) { return sum(trace(matrix)).item(); }

}  // namespace

Control guidance(const Setting& setting, double scale) {
  // Four components, of which the class has two.
  const Tensor means = tensor<double>({-1.5, 0, .5, 1, 1.5, -.5, 0, -1.5}, Shape{4, 2});
  const Tensor spread = full(Shape{4, 2}, .15, DType::f64);
  const flow::GaussianMixtureField all_classes(ones(Shape{4}, DType::f64), means, spread);
  const flow::GaussianMixtureField one(ones(Shape{2}, DType::f64), means({range(0, 2)}),
                                       spread({range(0, 2)}));
  const Tensor keys = split(fold_in(setting.key, 103), 2);
  const Shape shape{setting.samples, 2};
  const Tensor x1 = take(means, integers(keys[0], Shape{setting.samples}, 0, 2)) +
                    std::sqrt(.15) * normal(keys[1], shape, DType::f64);
  const std::string number = report::number(scale);
  Control control{.name = "guidance " + number, .sound = scale == 1};
  control.text =
      scale == 1
          ? "For comparison: the field of one class of a mixture, without guidance. A class-conditional "
            "field is a conditional mean; its Jacobian tells Cov(x1 | x_t, class)."
          : "Classifier-free guidance of the scale " + number +
                ": v = (1-w) v_0 + w v_1 of the field v_0 of all classes and v_1 of one. The Jacobian tells "
                "`(1-w) S_0 + w S_1`, a sum of gradients, so symmetric. For data of the class the "
                "calibration is `(E tr S_1 + (w-1)² E|m_1 - m_0|²) / ((1-w) E tr S_0 + w E tr S_1)`.";
  if (scale != 1) control.refusal = refusal_of({.guidance = number});
  for (std::size_t i = 0; i < setting.times.size(); ++i) {
    const Tensor t = flow::shared_time(setting.times[i], DType::f64);
    const Tensor x0 = normal(fold_in(setting.key, static_cast<std::uint32_t>(i)), shape, DType::f64);
    const Tensor x = flow::interpolate(flow::linear_path(), x0, x1, t).x;
    const double traces = trace_of(all_classes.posterior_covariance(x, t));
    const double trace = trace_of(one.posterior_covariance(x, t));
    const double apart = sum(square(one.posterior_mean(x, t) - all_classes.posterior_mean(x, t))).item();
    control.predicted.push_back((trace + (scale - 1) * (scale - 1) * apart) /
                                ((1 - scale) * traces + scale * trace));
  }
  control.report = report_of(
      [&](const Tensor& x, const Tensor& t) {
        return (1 - scale) * all_classes.velocity(x, t) + scale * one.velocity(x, t);
      },
      x1, setting);
  return control;
}

Control average_velocity(const Setting& setting) {
  const flow::GaussianField field(zeros(Shape{2}, DType::f64), tensor(kVariances, Shape{2}));
  const Tensor end = flow::shared_time(1, DType::f64);
  const flow::AverageField u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
    return field.average_velocity(x, t, r);
  };
  Control control{
      .name = "average velocity",
      .text =
          "The average velocity u(x, t, 1) of normal data in place of the velocity u(x, t, t). x + (1-t) u "
          "is where the flow takes x, not the mean of what may lie behind it: `A = sqrt(l / D)` instead of "
          "`t l / D` with `D = t² l + (1-t)²`. It is symmetric and positive all the same.",
      .predicted = linear_calibrations(
          setting.times, [](double l, double t) { return std::sqrt(l / (t * t * l + (1 - t) * (1 - t))); })};
  try {
    uncertainty::posterior(u, flow::linear_path(), zeros(Shape{1, 2}, DType::f64),
                           flow::shared_time(.5, DType::f64), end);
  } catch (const Error& error) {
    control.refusal = error.what();
  }
  control.report = report_of([&](const Tensor& x, const Tensor& t) { return u(x, t, end); },
                             normal_data(fold_in(setting.key, 104), setting.samples), setting);
  return control;
}

Control scaled_source(const Setting& setting, double scale) {
  const std::string number = report::number(scale);
  Control control{.name = "source scale " + number,
                  .text = "A source N(0, k² I) with k = " + number +
                          " that is not declared. The mean is right on its own noise, and S off by k² at "
                          "every time: so is the calibration, " +
                          report::number(scale * scale) + ".",
                  .refusal = refusal_of({.source_scale = scale}),
                  .predicted = std::vector<double>(setting.times.size(), scale * scale)};
  const flow::TimedField v = [scale](const Tensor& x, const Tensor& t) {
    const Tensor spread = square(t) * variances() + square(scale * (1 - t));
    return (t * variances() / spread - 1) / (1 - t) * x;
  };
  control.report = report_of(v, normal_data(fold_in(setting.key, 105), setting.samples), setting,
                             [scale](const Tensor& key, const Tensor& data) {
                               return flow::Pair{scale * normal(key, data.shape(), DType::f64), data};
                             });
  return control;
}

}  // namespace nabla::when_it_breaks
