#include "examples/gmm_oracle/measure.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "engine/spectral/dense/symmetric_eigenvalues.h"
#include "uncertainty/uncertainty.h"

namespace nabla::gmm_oracle {
namespace {

using uncertainty::Posterior;

double largest(const Tensor& x) { return reduce_max(abs(x)).item(); }

flow::TimedField velocity_of(const Mixture& mixture) {
  return [&mixture](const Tensor& x, const Tensor& t) { return mixture.field().velocity(x, t); };
}

// The closed forms at one time.
struct Exact {
  Tensor mean, covariance;                       // [B, D], [B, D, D]
  std::vector<std::vector<double>> eigenvalues;  // ascending, for each sample
};

Exact exact_at(const Mixture& mixture, const Tensor& x, const Tensor& t) {
  Exact exact{mixture.field().posterior_mean(x, t), mixture.field().posterior_covariance(x, t), {}};
  const std::size_t n = mixture.dimension();
  const std::span<const double> matrices = exact.covariance.data<double>();
  for (std::size_t at = 0; at < matrices.size(); at += n * n)
    exact.eigenvalues.push_back(symmetric_eigenvalues(matrices.subspan(at, n * n), n));
  return exact;
}

// Errors of values and vectors of the two largest eigenvalues.
double eigenpair_error(const Posterior& p, const Exact& exact) {
  const EigenPairs pairs = p.eigenpairs(2, {.tolerance = 1e-12});
  double worst = 0;
  for (std::size_t b = 0; b < exact.eigenvalues.size(); ++b)
    for (std::size_t i = 0; i < 2; ++i) {
      const double value = pairs.values[b][i].item();
      const std::vector<double>& known = exact.eigenvalues[b];
      const Tensor v = pairs.vectors[i][b];
      worst = std::max({worst, std::abs(value - known[known.size() - 1 - i]),
                        largest(matmul(exact.covariance[b], v) - v * value)});
    }
  return worst;
}

// Errors of the log-determinants, in units of what an error of one eigenvalue by 1 makes of them.
double log_determinant_error(const Posterior& p, const Exact& exact) {
  const std::vector<double> logs = p.log_determinant(0).value.to_vector<double>();
  double worst = 0;
  for (std::size_t b = 0; b < logs.size(); ++b) {
    double expected = 0, sensitivity = 0;
    for (const double value : exact.eigenvalues[b]) {
      expected += std::log(value);
      sensitivity += 1 / value;
    }
    worst = std::max(worst, std::abs(logs[b] - expected) / (sensitivity + std::abs(expected)));
  }
  return worst;
}

// The largest deviation of mean and covariance of draws, in standard errors.
double sample_deviation(const Posterior& p, const Exact& exact, const Tensor& key, std::int64_t draws) {
  const Tensor d = p.samples(key, draws).values - exact.mean;
  const double share = 1.0 / static_cast<double>(draws);
  const Tensor variances = diagonal(exact.covariance);
  const Tensor moments = matmul(permute(d, {1, 2, 0}), permute(d, {1, 0, 2})) * share;
  const Tensor spread =
      insert_axes(variances, {-1}) * insert_axes(variances, {-2}) + square(exact.covariance);
  return std::max(largest(mean(d, {0}) / sqrt(variances * share)),
                  largest((moments - exact.covariance) / sqrt(spread * share)));
}

}  // namespace

const std::vector<double> kTimes{.02, .05, .1, .2, .3, .4, .5, .6, .7, .8, .9, .95, .98};

double MemberErrors::worst() const {
  double worst = 0;
  for (const double error : errors) worst = std::isnan(error) ? error : std::max(worst, error);
  return worst;
}

PathErrors measure_errors(const Mixture& mixture, const flow::AffinePath& path, const Tensor& key,
                          std::int64_t samples, std::int64_t draws, const std::function<void()>& step) {
  PathErrors result{path.name, mixture.dimension(), {}};
  // A unit in the last place is 2e-16. Draws deviate by chance, the largest of ten thousand by about 4.
  for (const char* member :
       {"mean", "trace", "variance", "matrix", "product", "eigenpairs", "log-determinant"})
    result.members.push_back({member, {}, 1e-12});
  result.members.push_back({"third moment", {}, 1e-14});
  result.members.push_back({"samples", {}, 5.5});

  const Tensor keys = split(key, 4);
  const Tensor x1 = mixture.data(keys[0], samples);
  const Tensor x0 = normal(keys[1], x1.shape(), DType::f64);
  const Tensor e = normal(keys[2], x1.shape(), DType::f64);
  const double length = std::pow(largest(norm(e, {-1})), 3);
  std::uint32_t number = 0;
  for (const double time : kTimes) {
    const Tensor t = flow::shared_time(time, DType::f64);
    const Tensor x = flow::interpolate(path, x0, x1, t).x.detach();
    const Posterior p = uncertainty::posterior(velocity_of(mixture), path, x, t);
    const Exact exact = exact_at(mixture, x, t);
    const double a = path.a(t).item(), s = path.s(t).item();
    // What an error of dm/dx by 1 in every element becomes in S, and in the third moment.
    const double scale = std::abs(s * s * path.s_rate(t).item()) / (a * path.wronskian(t).item()) *
                         static_cast<double>(mixture.dimension());
    const double third = length * (1 + std::pow(s * s / a, 2));
    const Tensor variances = diagonal(exact.covariance);
    const double errors[] = {
        largest(p.mean() - exact.mean),
        largest(p.trace() - sum(variances, {-1})) / scale,
        largest(p.variance() - variances) / scale,
        largest(p.covariance() - exact.covariance) / scale,
        largest(p.apply(e) - sum(exact.covariance * insert_axes(e, {-2}), {-1})) / (scale * largest(e)),
        eigenpair_error(p, exact) / scale,
        log_determinant_error(p, exact) / scale,
        largest(p.third_moment(e) - mixture.third_moment(x, t, e)) / third,
        sample_deviation(p, exact, fold_in(keys[3], number++), draws)};
    for (std::size_t i = 0; i < result.members.size(); ++i) result.members[i].errors.push_back(errors[i]);
    step();
  }
  return result;
}

Skewness measure_skewness(const Mixture& mixture, const flow::AffinePath& path, const Tensor& key,
                          std::int64_t samples) {
  const Tensor keys = split(key, 2);
  const Tensor x1 = mixture.data(keys[0], samples);
  const Tensor x0 = normal(keys[1], x1.shape(), DType::f64);
  const std::size_t count = samples;
  Skewness result{{}, std::vector<std::vector<double>>(count), std::vector<std::vector<double>>(count)};
  for (int i = 1; i < 40; ++i) {
    const double time = i / 40.0;
    const Tensor t = flow::shared_time(time, DType::f64);
    const Tensor x = flow::interpolate(path, x0, x1, t).x.detach();
    const Posterior p = uncertainty::posterior(velocity_of(mixture), path, x, t);
    const EigenPairs axis = p.eigenpairs(1);
    // An eigenvector has no sign; take it to the right.
    const Tensor e = axis.vectors[0] * sign(axis.vectors[0]({all, range(0, 1)}));
    const Tensor deviation = sqrt(axis.values);
    const Tensor cubed = reshape(deviation * square(deviation), Shape{samples});
    const std::vector<double> skewness = (p.third_moment(e) / cubed).to_vector<double>();
    const std::vector<double> exact = (mixture.third_moment(x, t, e) / cubed).to_vector<double>();
    result.times.push_back(time);
    for (std::size_t b = 0; b < count; ++b) {
      result.computed[b].push_back(skewness[b]);
      result.exact[b].push_back(exact[b]);
    }
  }
  return result;
}

}  // namespace nabla::gmm_oracle
