#include "examples/when_it_breaks/control.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"

namespace nabla::when_it_breaks {

bool Control::as_predicted() const {
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    const uncertainty::ValidityRow& row = report.rows[i];
    const double slack = exact ? 4.5 * row.calibration_error + 1e-9 : .2 * predicted[i];
    if (!(std::abs(row.calibration - predicted[i]) <= slack)) return false;
  }
  return true;
}

bool Control::seen(bool uncertainty::ValidityRow::*flag) const {
  return std::ranges::any_of(report.rows, flag);
}

std::string refusal_of(const flow::FieldMetadata& metadata) {
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return -x; };
  try {
    uncertainty::posterior(v, flow::linear_path(), zeros(Shape{1, 2}, DType::f64),
                           flow::shared_time(.5, DType::f64), {.metadata = metadata});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

uncertainty::ValidityReport report_of(const flow::TimedField& v, const Tensor& x1, const Setting& setting,
                                      const flow::Coupling& coupling) {
  uncertainty::ValidityOptions options{.coupling = coupling};
  options.posterior.metadata = flow::FieldMetadata{};
  return uncertainty::validity_report(v, flow::linear_path(), x1, setting.key, setting.times, options);
}

Tensor variances() { return tensor(kVariances, Shape{1, 2}); }

Tensor normal_data(const Tensor& key, std::int64_t count) {
  return sqrt(variances()) * normal(key, Shape{count, 2}, DType::f64);
}

std::vector<double> linear_calibrations(const std::vector<double>& times,
                                        const std::function<double(double l, double t)>& slope) {
  std::vector<double> ratios;
  for (const double t : times) {
    double error = 0, trace = 0;
    for (const double l : kVariances) {
      const double a = slope(l, t);
      error += l - 2 * t * a * l + a * a * (t * t * l + (1 - t) * (1 - t));
      trace += (1 - t) * (1 - t) / t * a;
    }
    ratios.push_back(error / trace);
  }
  return ratios;
}

}  // namespace nabla::when_it_breaks
