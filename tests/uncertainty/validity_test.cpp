#include "uncertainty/validity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "engine/engine.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/diagnostics.h"

namespace nabla::uncertainty {
namespace {

using namespace test;

const std::vector<double> kReportTimes{.1, .3, .5, .7, .9};

// Data of the mixture of means [C, D] with variances [C, D] and equal weights.
Tensor draw_mixture(const Tensor& key, std::int64_t count, const Tensor& means, const Tensor& variances) {
  const Tensor keys = split(key, 2);
  const Tensor which = integers(keys[0], Shape{count}, 0, means.shape()[0]);
  const Tensor noise = normal(keys[1], Shape{count, means.shape()[1]}, DType::f64);
  return take(means, which) + sqrt(take(variances, which)) * noise;
}

}  // namespace

TEST_CASE("the exact field of a mixture passes on every path") {
  const Tensor means = random_normal(1, Shape{3, 4});
  const Tensor variances = uniform(random_key(2), Shape{3, 4}, DType::f64) * 0.3 + 0.05;
  const Tensor x1 = draw_mixture(random_key(3), 3000, means, variances);
  for (const flow::AffinePath& path : paths()) {
    const flow::GaussianMixtureField field(ones(Shape{3}, DType::f64), means, variances, path);
    const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
    const ValidityReport report = validity_report(v, path, x1, random_key(4), kReportTimes);
    INFO(path.name << "\n" << to_text(report));
    CHECK(report.passed());
    REQUIRE(report.rows.size() == kReportTimes.size());
    for (const ValidityRow& row : report.rows) {
      CHECK(row.symmetry_defect < 1e-10);
      CHECK(row.negative_mass < 1e-10);
      CHECK(std::abs(row.calibration - 1) < 4 * row.calibration_error);
      CHECK(row.calibration_error < .03);
    }
  }
}

TEST_CASE("the standard error of the calibration is the spread over draws") {
  const flow::GaussianMixtureField field(ones(Shape{2}, DType::f64), random_normal(1, Shape{2, 3}),
                                         full(Shape{2, 3}, .1, DType::f64));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const std::vector<double> time{.3};
  double squares = 0, predicted = 0;
  constexpr int kDraws = 60;
  for (int draw = 0; draw < kDraws; ++draw) {
    const Tensor key = fold_in(random_key(5), static_cast<std::uint32_t>(draw));
    const Tensor x1 =
        draw_mixture(key, 300, random_normal(1, Shape{2, 3}), full(Shape{2, 3}, .1, DType::f64));
    const ValidityRow row = validity_report(v, flow::linear_path(), x1, key, time).rows[0];
    squares += (row.calibration - 1) * (row.calibration - 1) / kDraws;
    predicted += row.calibration_error * row.calibration_error / kDraws;
  }
  CHECK(std::sqrt(squares / predicted) == doctest::Approx(1).epsilon(.25));
}

TEST_CASE("amplification is what an error of the Jacobian does to the covariance") {
  const double k = 1.5;
  for (const flow::AffinePath& path : paths()) {
    const GaussianOracle oracle(zeros(Shape{2}, DType::f64), ones(Shape{2}, DType::f64),
                                identity(2, DType::f64), path);
    const double error = 1e-3;
    const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return oracle.velocity(x, t); };
    const flow::TimedField wrong = [&](const Tensor& x, const Tensor& t) { return v(x, t) + error * x; };
    const Tensor x = random_normal(1, Shape{20, 2});
    const ValidityReport report =
        validity_report(v, path, x, random_key(1), kReportTimes, {.posterior = {.source_scale = k}});
    for (const ValidityRow& row : report.rows) {
      const Tensor t = time_of(row.t);
      const Tensor difference = posterior(wrong, path, x, t, {.source_scale = k}).variance() -
                                posterior(v, path, x, t, {.source_scale = k}).variance();
      CHECK(difference[0][0].item() / error == doctest::Approx(row.amplification).epsilon(1e-9));
    }
  }
}

TEST_CASE("each flag is raised by what it is named for, and named in the text") {
  const Tensor x1 = random_normal(1, Shape{2000, 2});
  const GaussianOracle oracle(zeros(Shape{2}, DType::f64), ones(Shape{2}, DType::f64),
                              identity(2, DType::f64), flow::linear_path());
  const Tensor turn = tensor<double>({0, 1, -1, 0}, Shape{2, 2});
  const Tensor unequal = tensor<double>({0, -3}, Shape{1, 2});
  const auto row_of = [&](const flow::TimedField& defect, double t) {
    const flow::TimedField v = [&](const Tensor& x, const Tensor& time) {
      return oracle.velocity(x, time) + defect(x, time);
    };
    const ValidityReport report =
        validity_report(v, flow::linear_path(), x1, random_key(2), std::vector<double>{t});
    CHECK(report.passed() == report.rows[0].passed());
    const std::string text = to_text(report);
    CHECK((text.find("asymmetric") != std::string::npos) == report.rows[0].asymmetric);
    CHECK((text.find("miscalibrated") != std::string::npos) == report.rows[0].miscalibrated);
    CHECK((text.find("  negative\n") != std::string::npos || text.find(", negative") != std::string::npos) ==
          report.rows[0].negative);
    CHECK((text.find("amplified") != std::string::npos) == report.rows[0].amplified);
    return report.rows[0];
  };
  const auto none = [](const Tensor& x, const Tensor&) { return zeros_like(x); };
  const auto turns = [&](const Tensor& x, const Tensor&) { return matmul(x, turn); };
  const auto squeezes = [&](const Tensor& x, const Tensor&) { return x * unequal; };
  const auto shifts = [](const Tensor& x, const Tensor&) { return zeros_like(x) + 1; };
  CHECK(row_of(none, .5).passed());
  const ValidityRow turned = row_of(turns, .5);
  CHECK(turned.asymmetric);
  CHECK_FALSE(turned.negative);
  const ValidityRow squeezed = row_of(squeezes, .5);
  CHECK(squeezed.negative);
  CHECK_FALSE(squeezed.asymmetric);
  // A wrong mean does not show in the Jacobian.
  const ValidityRow shifted = row_of(shifts, .5);
  CHECK(shifted.miscalibrated);
  CHECK_FALSE((shifted.asymmetric || shifted.negative || shifted.amplified));
  CHECK(row_of(none, .02).amplified);
  CHECK_FALSE(row_of(none, .05).amplified);
}

TEST_CASE("samples whose posterior has collapsed do not decide") {
  // Two points that noise confuses, and many that it does not: there dm/dx is what rounding leaves.
  Tensor points = random_normal(8, Shape{40, 8});
  points = concatenate({points, tensor<double>({.05, -.05}, Shape{2, 1}) * ones(Shape{1, 8}, DType::f64)}, 0);
  const flow::EmpiricalField field(points);
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const double time = .9;
  const Tensor x1 = take(points, concatenate({iota(42), full(Shape{20}, 40, DType::i64)}, 0));
  const Tensor x =
      flow::interpolate(flow::linear_path(), normal(random_key(3), x1.shape(), DType::f64), x1, time_of(time))
          .x;
  const Tensor a = posterior(v, flow::linear_path(), x, time_of(time)).mean_jacobian();
  CHECK(mean(negative_mass(a)).item() > .05);
  const ValidityRow row =
      validity_report(v, flow::linear_path(), x1, random_key(3), std::vector<double>{time}).rows[0];
  CHECK(row.negative_mass < 1e-12);
  CHECK(row.symmetry_defect < 1e-12);
  CHECK_FALSE((row.negative || row.asymmetric));
}

TEST_CASE("limits are the caller's, and chance is no failure") {
  const Tensor x1 = random_normal(1, Shape{20, 2});
  const flow::TimedField v = [](const Tensor& x, const Tensor& t) {
    return (2 * t - 1) / (t * t + (1 - t) * (1 - t)) * x;
  };
  const std::vector<double> times{.5};
  ValidityOptions strict{.limits = {.calibration = 1.0001, .calibration_errors = 1e-9}};
  CHECK_FALSE(validity_report(v, flow::linear_path(), x1, random_key(2), times, strict).passed());
  strict.limits.calibration_errors = 4;
  CHECK(validity_report(v, flow::linear_path(), x1, random_key(2), times, strict).passed());
}

TEST_CASE("metadata warn in the report, or refuse it") {
  const Tensor x1 = random_normal(1, Shape{20, 2});
  const flow::TimedField v = [](const Tensor& x, const Tensor& t) {
    return (2 * t - 1) / (t * t + (1 - t) * (1 - t)) * x;
  };
  const std::vector<double> times{.5};
  ValidityOptions options;
  options.posterior.metadata = flow::FieldMetadata{.coupling = "reflow"};
  const ValidityReport report = validity_report(v, flow::linear_path(), x1, random_key(2), times, options);
  REQUIRE(report.warnings.size() == 1);
  CHECK(report.rows[0].passed());
  CHECK_FALSE(report.passed());
  CHECK(to_text(report).find("warning: noise and data are coupled by 'reflow'") != std::string::npos);
  options.posterior.preconditions = Preconditions::refuse;
  CHECK_THROWS_WITH_AS(validity_report(v, flow::linear_path(), x1, random_key(2), times, options),
                       doctest::Contains("reflow"), Error);
}

TEST_CASE("images, f32, and reports about nothing") {
  const Tensor x1 = normal(random_key(1), Shape{30, 2, 2});
  const flow::TimedField v = [](const Tensor& x, const Tensor& t) {
    const Tensor time = flow::time_factor("v", t, x);
    return (2 * time - 1) / (time * time + (1 - time) * (1 - time)) * x;
  };
  const std::vector<double> times{.3, .5};
  const ValidityReport report = validity_report(v, flow::linear_path(), x1, random_key(2), times);
  INFO(to_text(report));
  CHECK(report.passed());
  CHECK(validity_report(v, flow::linear_path(), x1, random_key(2), {}).rows.empty());
  CHECK_THROWS_WITH_AS(validity_report(v, flow::linear_path(), zeros(Shape{0, 2}), random_key(2), times),
                       doctest::Contains("data [0, 2]"), Error);
  CHECK_THROWS_WITH_AS(validity_report(v, flow::linear_path(), x1, random_key(2), times, {.matrices = 0}),
                       doctest::Contains("one matrix at least"), Error);
  CHECK_THROWS_WITH_AS(validity_report(v, flow::linear_path(), x1, random_key(2), std::vector<double>{1}),
                       doctest::Contains("the time 1"), Error);
}

TEST_CASE("few samples are not enough to blame an exact field") {
  const Tensor means = zeros(Shape{1, 2}, DType::f64), variances = full(Shape{1, 2}, .1, DType::f64);
  const flow::GaussianMixtureField field(ones(Shape{1}, DType::f64), means, variances);
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const std::vector<double> time{.5};
  for (const std::int64_t samples : {1, 2, 3, 6}) {
    int flagged = 0;
    for (std::uint32_t run = 0; run < 20; ++run) {
      const Tensor key = fold_in(random_key(7), run);
      const ValidityRow row =
          validity_report(v, flow::linear_path(), draw_mixture(key, samples, means, variances), key, time)
              .rows[0];
      flagged += row.miscalibrated;
      CHECK(std::isnan(row.calibration_error) == (samples == 1));
    }
    CHECK(flagged <= 1);
  }
  // A field that is wrong by far is still found with a few.
  const flow::TimedField wrong = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t) + 30; };
  CHECK(validity_report(wrong, flow::linear_path(), draw_mixture(random_key(8), 12, means, variances),
                        random_key(9), time)
            .rows[0]
            .miscalibrated);
}

TEST_CASE("a report says how far it is, and ends where it is told to") {
  const Tensor x1 = random_normal(1, Shape{20, 2});
  const flow::TimedField v = [](const Tensor& x, const Tensor& t) {
    return (2 * t - 1) / (t * t + (1 - t) * (1 - t)) * x;
  };
  std::vector<std::size_t> told;
  const auto progress = [&](std::size_t done, std::size_t all) {
    CHECK(all == kReportTimes.size());
    told.push_back(done);
    return done < 2;
  };
  const ValidityReport report =
      validity_report(v, flow::linear_path(), x1, random_key(2), kReportTimes, {.progress = progress});
  CHECK(told == std::vector<std::size_t>{1, 2});
  CHECK(report.rows.size() == 2);
}

TEST_CASE("options of the posterior do not turn warnings into refusals") {
  const Tensor x1 = random_normal(1, Shape{20, 2});
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return -x; };
  const ValidityOptions options{
      .posterior = {.source_scale = 1, .metadata = flow::FieldMetadata{.coupling = "reflow"}}};
  CHECK(validity_report(v, flow::linear_path(), x1, random_key(2), std::vector<double>{.5}, options)
            .warnings.size() == 1);
}

}  // namespace nabla::uncertainty
