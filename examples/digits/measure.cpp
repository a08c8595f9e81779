#include "examples/digits/measure.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "uncertainty/uncertainty.h"

namespace nabla::digits {
namespace {

// Rows of images that the oracle takes at once: it needs memory for rows x training images x pixels.
constexpr std::int64_t kOracleRows = 33;

OracleMeasure compare_with_oracle(const flow::EmpiricalField& oracle, double time, const Tensor& x1,
                                  const Tensor& x, const Tensor& traces) {
  const Tensor t = flow::shared_time(time, DType::f64);
  double oracle_total = 0;
  double difference = 0;
  double error = 0;
  for (std::int64_t start = 0; start < x.shape()[0]; start += kOracleRows) {
    const Range rows = range(start, std::min(start + kOracleRows, x.shape()[0]));
    const Tensor here = cast(x({rows}), DType::f64);
    const Tensor exact = oracle.posterior_trace(here, t);
    const Tensor parts = stack({sum(exact), sum(abs(cast(traces({rows}), DType::f64) - exact)),
                                sum(square(cast(x1({rows}), DType::f64) - oracle.posterior_mean(here, t)))});
    const std::vector<double> values = parts.to_vector<double>();
    oracle_total += values[0];
    difference += values[1];
    error += values[2];
  }
  return {oracle_total / static_cast<double>(x.shape()[0]), error / oracle_total, difference / oracle_total};
}

double identity_error_at(const flow::EmpiricalField& field, const flow::AffinePath& path, const Tensor& x1,
                         const Tensor& x0, double time) {
  const Tensor t = flow::shared_time(time, DType::f64);
  const Tensor x = flow::interpolate(path, x0, x1, t).x;
  const auto velocity = [&](const Tensor& at, const Tensor& now) { return field.velocity(at, now); };
  const Tensor covariance = uncertainty::posterior(velocity, path, x, t).covariance();
  const Tensor exact = field.posterior_covariance(x, t);
  const double elements = static_cast<double>(x1.shape()[1]);
  const Tensor scale = abs(square(path.s(t)) * path.s_rate(t) / (path.a(t) * path.wronskian(t))) * elements;
  const Tensor worst = max(reduce_max(abs(covariance - exact)),
                           reduce_max(abs(trace(covariance) - field.posterior_trace(x, t))));
  return worst.item() / scale.item();
}

}  // namespace

PosteriorMeasure measure_posterior(const flow::TimedField& field, const flow::FieldMetadata& metadata,
                                   const flow::EmpiricalField* oracle, const Tensor& x1, double t,
                                   const Tensor& key) {
  const Tensor time = flow::shared_time(t, x1.dtype());
  const Tensor x =
      flow::interpolate(flow::linear_path(), normal(key, x1.shape(), x1.dtype()), x1, time).x.detach();
  const uncertainty::Posterior posterior =
      uncertainty::posterior(field, flow::linear_path(), x, time, {.metadata = metadata});
  const Tensor slope = posterior.mean_jacobian();
  // From the matrix, which is formed anyway.
  const Tensor traces = trace(posterior.covariance());
  const Tensor m = posterior.mean();
  const Tensor trace_mean = mean(traces);
  const Tensor calibration = uncertainty::calibration_ratio(x1, m, traces);
  const Tensor defect = mean(uncertainty::symmetry_defect(slope));
  evaluate({slope, traces, trace_mean, calibration, defect});
  PosteriorMeasure measure;
  measure.t = t;
  measure.trace_mean = trace_mean.item();
  measure.calibration = calibration.item();
  measure.symmetry_defect = defect.item();
  measure.negative_mass = mean(uncertainty::negative_mass(slope)).item();
  if (oracle && t <= kLastOracleTime) measure.oracle = compare_with_oracle(*oracle, t, x1, x, traces);
  return measure;
}

PosteriorMaps posterior_maps(const flow::TimedField& field, const flow::FieldMetadata& metadata,
                             const Tensor& x1, const Tensor& x0, double t) {
  const Tensor time = flow::shared_time(t, x1.dtype());
  const Tensor x = flow::interpolate(flow::linear_path(), x0, x1, time).x.detach();
  const uncertainty::Posterior posterior =
      uncertainty::posterior(field, flow::linear_path(), x, time, {.metadata = metadata});
  // A trained field may be slightly negative where it is all but certain.
  return {t, x, posterior.mean().detach(), sqrt(max(posterior.variance(), 0)).detach()};
}

double identity_error(const Tensor& data, const Tensor& x1, const Tensor& key) {
  const Tensor points = cast(data, DType::f64);
  const Tensor clean = cast(x1, DType::f64);
  const Tensor noise = normal(key, clean.shape(), DType::f64);
  double worst = 0;
  for (const flow::AffinePath& path : {flow::linear_path(), flow::trigonometric_path()}) {
    const flow::EmpiricalField field(points, path);
    for (const double t : {.02, .05, .1, .2, .3, .4, .5, .6, .7, .8, .9, .95, .98})
      worst = std::max(worst, identity_error_at(field, path, clean, noise, t));
  }
  return worst;
}

}  // namespace nabla::digits
