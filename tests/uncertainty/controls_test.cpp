// Fields whose Jacobian tells no posterior. Each is refused by its metadata, and where those lie, the
// validity report sees it as far as it can be seen: by the calibration, whose wrong value follows from
// algebra.
//
// For normal data in one direction of variance l, a field with m = mu + A (x - a mu), x of variance
// D = a^2 l + s^2, has the calibration (l - 2 a A l + A^2 D) / ((s^2 / a) A): what A is decides.

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "engine/engine.h"
#include "flow/flow.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/validity.h"

namespace nabla::uncertainty {
namespace {

using namespace test;

const std::vector<double> kVariances{1.5, .3};
const std::vector<double> kControlTimes{.1, .2, .3, .5, .7, .9};
constexpr std::int64_t kSamples = 4000;

Tensor variances() { return tensor(kVariances, Shape{1, 2}); }
Tensor normal_data(std::uint64_t seed) { return sqrt(variances()) * random_normal(seed, Shape{kSamples, 2}); }

// The calibration of the linear path on independent noise for slopes A(l, t).
double predicted_calibration(const std::function<double(double l, double t)>& slope, double t) {
  double error = 0, trace = 0;
  for (const double l : kVariances) {
    const double a = slope(l, t);
    error += l - 2 * t * a * l + a * a * (t * t * l + (1 - t) * (1 - t));
    trace += (1 - t) * (1 - t) / t * a;
  }
  return error / trace;
}

// With metadata that lie.
ValidityReport report_of(const flow::TimedField& v, const Tensor& x1,
                         const flow::Coupling& coupling = nullptr) {
  ValidityOptions options{.coupling = coupling};
  options.posterior.metadata = flow::FieldMetadata{};
  return validity_report(v, flow::linear_path(), x1, random_key(7), kControlTimes, options);
}

// Honest metadata refuse the field; those that lie give no warning.
void check_refused(const flow::TimedField& v, const flow::FieldMetadata& honest) {
  const Tensor x = random_normal(1, Shape{2, 2});
  CHECK_THROWS_AS(posterior(v, flow::linear_path(), x, time_of(.5), {.metadata = honest}), Error);
  CHECK(posterior(v, flow::linear_path(), x, time_of(.5), {.metadata = flow::FieldMetadata{}})
            .warnings()
            .empty());
}

// Calibrations are as predicted, up to chance; returns at how many times the report saw it.
int check_calibrations(const ValidityReport& report, const std::function<double(double t)>& predicted) {
  INFO(to_text(report));
  int seen = 0;
  for (const ValidityRow& row : report.rows) {
    CAPTURE(row.t);
    CHECK(std::abs(row.calibration - predicted(row.t)) <= 4.5 * row.calibration_error + 1e-9);
    seen += row.miscalibrated ? 1 : 0;
  }
  return seen;
}

}  // namespace

TEST_CASE("control: the optimal coupling of normal data") {
  // The optimal map multiplies by sqrt(l): x_t = q x0 with q = t sqrt(l) + 1 - t, and x1 is known from x_t.
  const flow::TimedField v = [](const Tensor& x, const Tensor& t) {
    const Tensor root = sqrt(variances());
    return (root - 1) / (t * root + 1 - t) * x;
  };
  check_refused(v, {.coupling = "minibatch_ot"});
  const Tensor x1 = normal_data(2);
  const auto slope = [](double l, double t) { return std::sqrt(l) / (t * std::sqrt(l) + 1 - t); };
  const auto on_independent_noise = [&](double t) { return predicted_calibration(slope, t); };
  // For one direction it is 2 t sqrt(l) / q: too wide early, too narrow late, and right in between, where the
  // report cannot see it.
  CHECK(on_independent_noise(.1) < .3);
  CHECK(on_independent_noise(.9) > 1.5);
  const ValidityReport report = report_of(v, x1);
  CHECK(check_calibrations(report, on_independent_noise) >= 4);
  CHECK(report.warnings.empty());
  for (const ValidityRow& row : report.rows) CHECK_FALSE((row.asymmetric || row.negative));
  // On the pairs that it was trained on there is no error at all, which the trace does not say.
  const ValidityReport own = report_of(v, x1, [](const Tensor&, const Tensor& data) {
    return flow::Pair{data / sqrt(variances()), data};
  });
  CHECK(check_calibrations(own, [](double) { return 0; }) == static_cast<int>(kControlTimes.size()));
}

TEST_CASE("control: minibatch optimal transport of two rings") {
  // Exactly optimal pairs, blurred so that they have a field in closed form.
  const std::int64_t pairs = 300;
  const double blur = .3, keep = std::sqrt(1 - blur * blur);
  const Tensor keys = split(random_key(3), 4);
  const auto rings = [](const Tensor& key, std::int64_t count) {
    const Tensor two = split(key, 3);
    const Tensor angle = uniform(two[0], Shape{count, 1}, DType::f64) * 6.283185307179586;
    const Tensor radius = 1.2 + sign(uniform(two[1], Shape{count, 1}, DType::f64) - .5) * .7;
    return concatenate({radius * cos(angle), radius * sin(angle)}, 1) +
           .1 * normal(two[2], Shape{count, 2}, DType::f64);
  };
  const flow::Pair pair = flow::minibatch_ot_coupling(keys[0], rings(keys[1], pairs));
  const Tensor noise = (pair.x0 * keep).detach();
  const flow::PairedField field(noise, pair.x1, blur);
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  check_refused(v, {.coupling = "minibatch_ot"});

  // What the Jacobian tells instead of S: (S + ((1-t)/t) Cov(x1, x0 | x_t)) / h^2 with the pairs' own noise.
  for (const double time : {.2, .5, .8}) {
    const Tensor t = time_of(time), x = random_normal(5, Shape{4, 2});
    const Tensor w = insert_axes(field.weights(x, t), {-1});
    const Tensor centred = w * (pair.x1 - insert_axes(field.posterior_mean(x, t), {-2}));
    const Tensor predicted = matmul(transpose(centred), pair.x1 + (1 / time - 1) * noise) / (blur * blur);
    CHECK(largest(posterior(v, flow::linear_path(), x, t).covariance() - predicted) < 1e-11);
  }
  // The exact coupling of the field: one of its pairs, blurred.
  const Tensor rows = integers(keys[2], Shape{kSamples}, 0, pairs);
  const ValidityReport own = report_of(v, take(pair.x1, rows), [&](const Tensor& key, const Tensor& data) {
    return flow::Pair{take(noise, rows) + blur * normal(key, data.shape(), DType::f64), data};
  });
  INFO(to_text(own));
  // The trace is far too large while noise still decides.
  for (const ValidityRow& row : own.rows)
    if (row.t <= .5) CHECK((row.miscalibrated && row.calibration < .5));
  // Seen with independent noise on held-out data too.
  const ValidityReport report = report_of(v, rings(keys[3], kSamples));
  INFO(to_text(report));
  CHECK(report.rows[0].miscalibrated);
  CHECK(report.rows[1].miscalibrated);
}

TEST_CASE("control: classifier-free guidance of two mixtures") {
  // Class 0 has two of four components.
  const Tensor means = tensor<double>({-1.5, 0, .5, 1, 1.5, -.5, 0, -1.5}, Shape{4, 2});
  const Tensor spread = full(Shape{4, 2}, .15, DType::f64);
  const flow::GaussianMixtureField all(ones(Shape{4}, DType::f64), means, spread);
  const flow::GaussianMixtureField one(ones(Shape{2}, DType::f64), means({range(0, 2)}),
                                       spread({range(0, 2)}));
  const auto guided = [&](double w) {
    return flow::TimedField([&all, &one, w](const Tensor& x, const Tensor& t) {
      return (1 - w) * all.velocity(x, t) + w * one.velocity(x, t);
    });
  };
  const Tensor keys = split(random_key(11), 2);
  const Tensor x1 = take(means, integers(keys[0], Shape{kSamples}, 0, 2)) +
                    std::sqrt(.15) * normal(keys[1], Shape{kSamples, 2}, DType::f64);
  check_refused(guided(3), {.guidance = "3"});

  // A class-conditional field (w = 1) is a conditional mean, and passes.
  const ValidityReport conditional = report_of(guided(1), x1);
  INFO(to_text(conditional));
  CHECK(conditional.passed());

  for (const double w : {2., 4.}) {
    CAPTURE(w);
    // S = (1 - w) S_0 + w S_1, and E|x1 - m|^2 = E tr S_1 + (w - 1)^2 E|m_1 - m_0|^2 for data of the class.
    const Tensor key = random_key(7);
    const ValidityReport report = report_of(guided(w), x1);
    std::vector<double> predicted;
    for (std::size_t i = 0; i < kControlTimes.size(); ++i) {
      const Tensor t = time_of(kControlTimes[i]);
      const Tensor x0 = normal(fold_in(key, static_cast<std::uint32_t>(i)), x1.shape(), DType::f64);
      const Tensor x = flow::interpolate(flow::linear_path(), x0, x1, t).x;
      const Tensor s0 = all.posterior_covariance(x, t), s1 = one.posterior_covariance(x, t);
      const Tensor few = x({range(0, 5)});
      CHECK(largest(posterior(guided(w), flow::linear_path(), few, t).covariance() -
                    ((1 - w) * s0 + w * s1)({range(0, 5)})) < 1e-11);
      const double trace0 = sum(diagonal(s0)).item(), trace1 = sum(diagonal(s1)).item();
      const double apart = sum(square(one.posterior_mean(x, t) - all.posterior_mean(x, t))).item();
      predicted.push_back((trace1 + (w - 1) * (w - 1) * apart) / ((1 - w) * trace0 + w * trace1));
    }
    INFO(to_text(report));
    int flagged = 0;
    for (std::size_t i = 0; i < kControlTimes.size(); ++i) {
      const ValidityRow& row = report.rows[i];
      CHECK(std::abs(row.calibration - predicted[i]) <= 4.5 * row.calibration_error);
      // A sum of gradients is a gradient: symmetry never sees guidance.
      CHECK(row.symmetry_defect < 1e-10);
      flagged += row.passed() ? 0 : 1;
    }
    CHECK(flagged >= 3);
  }
  // Far guidance leaves negative variances behind.
  bool negative = false;
  for (const ValidityRow& row : report_of(guided(4), x1).rows) negative = negative || row.negative;
  CHECK(negative);
}

TEST_CASE("control: an average velocity in place of the velocity") {
  const flow::GaussianField field(zeros(Shape{2}, DType::f64), tensor(kVariances, Shape{2}));
  const flow::AverageField u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
    return field.average_velocity(x, t, r);
  };
  const Tensor x = random_normal(1, Shape{2, 2});
  CHECK_THROWS_WITH_AS(posterior(u, flow::linear_path(), x, time_of(.5), time_of(1)),
                       doctest::Contains("only u(x, t, t)"), Error);
  // Hidden in a function of x and t it has no metadata of its own; the calibration sees it.
  const Tensor x1 = normal_data(3);
  for (const double r : {.95, 1.}) {
    CAPTURE(r);
    const flow::TimedField v = [&](const Tensor& at, const Tensor& t) { return u(at, t, time_of(r)); };
    // m = x + (1-t) u, with u = (sqrt(D_r / D_t) - 1) / (r - t) times x.
    const auto slope = [&](double l, double t) {
      const auto spread = [&](double at) { return at * at * l + (1 - at) * (1 - at); };
      return 1 + (1 - t) * (std::sqrt(spread(r) / spread(t)) - 1) / (r - t);
    };
    const ValidityReport report = report_of(v, x1);
    CHECK(check_calibrations(report, [&](double t) { return predicted_calibration(slope, t); }) >= 3);
    // Its Jacobian is symmetric and positive all the same.
    for (const ValidityRow& row : report.rows) CHECK_FALSE((row.asymmetric || row.negative));
  }
}

TEST_CASE("control: a source of another scale that is not declared") {
  const Tensor x1 = normal_data(4);
  for (const double k : {.6, 1.5}) {
    CAPTURE(k);
    const flow::TimedField v = [k](const Tensor& x, const Tensor& t) {
      const Tensor noise = square(k * (1 - t)), spread = square(t) * variances() + noise;
      // (m - x) / (1 - t) with m = t l / D x.
      return (t * variances() / spread - 1) / (1 - t) * x;
    };
    check_refused(v, {.source_scale = k});
    // On the noise it was trained on the mean is right and S off by k^2, at every time.
    const flow::Coupling own = [k](const Tensor& key, const Tensor& data) {
      return flow::Pair{k * normal(key, data.shape(), data.dtype()), data};
    };
    CHECK(check_calibrations(report_of(v, x1, own), [&](double) { return k * k; }) == 6);
    // On standard noise the mean is wrong as well; as t goes to 1 neither matters.
    const auto slope = [&](double l, double t) { return t * l / (t * t * l + k * k * (1 - t) * (1 - t)); };
    CHECK(check_calibrations(report_of(v, x1), [&](double t) { return predicted_calibration(slope, t); }) >=
          2);
    // Declared, it is right.
    const ValidityReport declared = validity_report(
        v, flow::linear_path(), x1, random_key(7), kControlTimes,
        {.posterior = {.source_scale = k, .metadata = flow::FieldMetadata{.source_scale = k}}});
    INFO(to_text(declared));
    for (const ValidityRow& row : declared.rows) CHECK_FALSE(row.miscalibrated);
    CHECK(declared.warnings.empty());
  }
}

TEST_CASE("control: a source whose far noise is pruned") {
  // Noise beyond the radius 1 is left out: of the variance of two elements this leaves
  // 1 - (1/2) e^(-1/2) / (1 - e^(-1/2)) = .229 each.
  const double blur = .25, keep = std::sqrt(1 - blur * blur);
  const double pruned_variance = 1 - .5 * std::exp(-.5) / (1 - std::exp(-.5));
  const auto noise = [](const Tensor& key, std::int64_t count, bool pruned) {
    const Tensor keys = split(key, 2);
    const Tensor u = uniform(keys[0], Shape{count, 1}, DType::f64);
    const Tensor angle = uniform(keys[1], Shape{count, 1}, DType::f64) * 6.283185307179586;
    const Tensor radius = sqrt(-2 * log1p(-u * (pruned ? 1 - std::exp(-.5) : 1)));
    return concatenate({radius * cos(angle), radius * sin(angle)}, 1);
  };
  const std::int64_t pairs = 4000;
  const Tensor known = sqrt(variances()) * random_normal(21, Shape{pairs, 2});
  const Tensor x1 = normal_data(22)({range(0, 2000)});
  for (const bool pruned : {false, true}) {
    CAPTURE(pruned);
    const flow::PairedField field(keep * noise(random_key(23), pairs, pruned), known, blur);
    const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
    const flow::Coupling own = [&](const Tensor& key, const Tensor& data) {
      const Tensor keys = split(key, 2);
      return flow::Pair{
          keep * noise(keys[0], data.shape()[0], pruned) + blur * normal(keys[1], data.shape(), DType::f64),
          data};
    };
    const std::vector<double> times{.1, .2, .3};
    const ValidityReport report =
        validity_report(v, flow::linear_path(), x1, random_key(7), times, {.coupling = own});
    INFO(to_text(report));
    if (pruned) check_refused(v, {.source = "pruned_normal"});
    for (const ValidityRow& row : report.rows) {
      CHECK(row.miscalibrated == pruned);
      // A normal source of the same variance would give that variance; its sharp edge is what differs.
      const double variance = pruned ? keep * keep * pruned_variance + blur * blur : 1;
      CHECK(row.calibration == doctest::Approx(variance).epsilon(.2));
    }
  }
}

}  // namespace nabla::uncertainty
