#include "uncertainty/validity.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/ops/composed.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/plan/evaluate.h"
#include "engine/tensor/number_text.h"
#include "flow/per_sample.h"
#include "uncertainty/diagnostics.h"

namespace nabla::uncertainty {
namespace {

struct Ratio {
  double value, error, freedom;  // degrees of freedom of the error
};

// sum errors / sum traces, and its standard error over samples.
Ratio ratio_of(const std::vector<double>& errors, const std::vector<double>& traces) {
  double total = 0, predicted = 0;
  for (const double error : errors) total += error;
  for (const double trace : traces) predicted += trace;
  const double ratio = total / predicted;
  double squares = 0;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const double residual = errors[i] - ratio * traces[i];
    squares += residual * residual;
  }
  // The ratio takes one degree of freedom; one sample has no spread.
  const double count = static_cast<double>(errors.size());
  if (errors.size() < 2) return {ratio, std::numeric_limits<double>::quiet_NaN(), 0};
  return {ratio, std::sqrt(squares * count / (count - 1)) / std::abs(predicted), count - 1};
}

// How many estimated standard errors are as unlikely as `deviations` known ones: Student's t from the normal
// deviate (Wallace, "Bounds on normal approximations to Student's and the chi-square distributions", Ann.
// Math. Stat. 30, 1959); up to 4 degrees of freedom wider than need be.
double student(double deviations, double freedom) {
  const double u = deviations * (8 * freedom + 3) / (8 * freedom + 1);
  return std::sqrt(freedom * std::expm1(u * u / freedom));
}

// A ratio that is not positive, or no number, is outside.
bool outside(const Ratio& ratio, const ValidityLimits& limits) {
  const bool within = ratio.value >= 1 / limits.calibration && ratio.value <= limits.calibration;
  if (ratio.freedom < 1) return false;
  const bool chance =
      std::abs(ratio.value - 1) <= student(limits.calibration_errors, ratio.freedom) * ratio.error;
  return !(within || chance);
}

ValidityRow measure(const flow::TimedField& v, const flow::AffinePath& path, const flow::Pair& pair, double t,
                    const ValidityOptions& options) {
  PosteriorOptions of_posterior = options.posterior;
  of_posterior.preconditions = of_posterior.preconditions.value_or(Preconditions::warn);
  const Tensor time = flow::shared_time(t, pair.x1.dtype());
  const Tensor x = flow::interpolate(path, pair.x0, pair.x1, time).x.detach();
  const Posterior all = posterior(v, path, x, time, of_posterior);
  const Tensor errors = cast(sum(square(pair.x1 - all.mean()), flow::element_axes(x)), DType::f64);
  const Tensor traces = cast(all.trace(), DType::f64);
  const std::int64_t formed = std::min(options.matrices, x.shape()[0]);
  const Tensor a = posterior(v, path, slice(x, 0, 0, formed), time, of_posterior).mean_jacobian();
  const Tensor defect = joint_symmetry_defect(a);
  evaluate({errors, traces, a, defect});

  const double k = options.posterior.source_scale, s = path.s(time).item();
  const ValidityLimits& limits = options.limits;
  const Ratio ratio = ratio_of(errors.to_vector<double>(), traces.to_vector<double>());
  ValidityRow row;
  row.t = t;
  row.symmetry_defect = defect.item();
  row.negative_mass = joint_negative_mass(a);
  row.amplification = k * k * s * s * s / (path.a(time).item() * path.wronskian(time).item());
  row.calibration = ratio.value;
  row.calibration_error = ratio.error;
  row.asymmetric = !(row.symmetry_defect <= limits.symmetry_defect);
  row.negative = !(row.negative_mass <= limits.negative_mass);
  row.miscalibrated = outside(ratio, limits);
  row.amplified = !(row.amplification <= limits.amplification);
  return row;
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

}  // namespace

bool ValidityReport::passed() const {
  return warnings.empty() && std::ranges::all_of(rows, &ValidityRow::passed);
}

ValidityReport validity_report(const flow::TimedField& v, const flow::AffinePath& path, const Tensor& x1,
                               const Tensor& key, std::span<const double> times,
                               const ValidityOptions& options) {
  if (x1.rank() < 2 || x1.shape()[0] == 0 || options.matrices < 1)
    throw Error("validity_report: data " + to_string(x1.shape()) + " of which " +
                std::to_string(options.matrices) +
                " have their matrices formed; there must be [n, ..] of them, and one matrix at least");
  const flow::Coupling coupling =
      options.coupling ? options.coupling : [&](const Tensor& of, const Tensor& data) {
        return flow::Pair{normal(of, data.shape(), data.dtype()) * options.posterior.source_scale, data};
      };
  ValidityReport report;
  for (std::size_t i = 0; i < times.size(); ++i) {
    report.rows.push_back(
        measure(v, path, coupling(fold_in(key, static_cast<std::uint32_t>(i)), x1), times[i], options));
    if (options.progress && !options.progress(i + 1, times.size())) break;
  }
  if (options.posterior.metadata)
    report.warnings =
        precondition_violations(*options.posterior.metadata, path, options.posterior.source_scale);
  return report;
}

std::string ValidityRow::flags() const {
  std::string names;
  const auto add = [&](bool flag, const char* name) {
    if (flag) names += (names.empty() ? "" : ", ") + std::string(name);
  };
  add(miscalibrated, "miscalibrated");
  add(asymmetric, "asymmetric");
  add(negative, "negative");
  add(amplified, "amplified");
  return names;
}

std::string to_text(const ValidityReport& report) {
  std::string text = right("t", 6) + right("calibration", 13) + right("error", 9) + right("asymmetry", 11) +
                     right("negative", 10) + right("amplification", 15) + "  flags\n";
  for (const ValidityRow& row : report.rows) {
    text += right(number_text(row.t, 4), 6) + right(number_text(row.calibration, 4), 13) +
            right(number_text(row.calibration_error, 2), 9) + right(number_text(row.symmetry_defect, 2), 11) +
            right(number_text(row.negative_mass, 2), 10) + right(number_text(row.amplification, 3), 15);
    text += "  " + (row.passed() ? "-" : row.flags()) + "\n";
  }
  for (const std::string& warning : report.warnings) text += "warning: " + warning + "\n";
  return text;
}

}  // namespace nabla::uncertainty
