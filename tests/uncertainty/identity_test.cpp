// The posterior that follows from the Jacobian of a field, against posteriors in closed form: every member,
// on every path, at times from .02 to .98.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/engine.h"
#include "flow/flow.h"
#include "nn/mlp.h"
#include "tests/uncertainty/oracles.h"
#include "uncertainty/symmetric_spectrum.h"
#include "uncertainty/uncertainty.h"

namespace nabla::uncertainty {
namespace {

using namespace test;

constexpr double kIdentityTimes[] = {.02, .05, .1, .2, .3, .4, .5, .6, .7, .8, .9, .95, .98};

// |s^2 s' / (a (a' s - a s'))| D, on the linear path ((1-t)^2 / t) D: what an error of dm/dx of one unit in
// the last place becomes in S. On the trigonometric path s' vanishes with t, and s J is as large as what it
// adds.
double error_scale(const flow::AffinePath& path, const Tensor& t, std::int64_t elements) {
  const Tensor scale = square(path.s(t)) * path.s_rate(t) / (path.a(t) * path.wronskian(t));
  return std::abs(scale.item()) * static_cast<double>(elements);
}

// Eigenpairs and determinant against those of the closed form. Where eigenvalues are rounding errors of the
// largest one, their logarithms mean nothing.
void check_spectrum(const Posterior& p, const Tensor& s, double tolerance) {
  const std::int64_t batch = s.shape()[0], n = s.shape()[1];
  const std::size_t size = n;
  const std::vector<std::vector<double>> spectra = symmetric_spectra(s);
  const EigenPairs pairs = p.eigenpairs(3, {.tolerance = 1e-11});
  double smallest = INFINITY;
  const std::vector<double> log_determinants = p.log_determinant(0).value.to_vector<double>();
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::vector<double>& values = spectra[b];
    smallest = std::min(smallest, values.back());
    for (std::int64_t i = 0; i < 3; ++i) {
      CHECK(std::abs(pairs.values[b][i].item() - values[size - 1 - static_cast<std::size_t>(i)]) <=
            tolerance + 1e-11 * values.back());
      const Tensor v = pairs.vectors[i][b];
      CHECK(std::abs(sum(square(v)).item() - 1) < 1e-12);
      CHECK(largest(matmul(s[b], v) - pairs.values[b][i] * v) <= tolerance + 1e-10 * values.back());
    }
    double expected = 0;
    for (const double value : values) expected += std::log(value);
    if (values.front() > 100 * tolerance)
      CHECK(std::abs(log_determinants[b] - expected) <=
            static_cast<double>(n) * tolerance / values.front() + 1e-12);
  }
  // Of a posterior that has collapsed the products are rounding errors.
  if (smallest > 1e8 * tolerance) CHECK(pairs.converged);
}

// Mean and covariance of many draws, within five standard errors.
void check_samples(const Posterior& p, const Tensor& m, const Tensor& s, double tolerance) {
  const std::int64_t n = 2000;
  const PosteriorSamples drawn = p.samples(random_key(35), n);
  CHECK(largest(drawn.clipped_mass * sum(diagonal(s), {-1})) <=
        static_cast<double>(s.shape()[1]) * tolerance);
  const double share = 1.0 / static_cast<double>(n);
  const Tensor d = drawn.values - m;  // [n, B, D]
  const Tensor variances = diagonal(s);
  const auto near = [&](const Tensor& found, const Tensor& expected, const Tensor& variance) {
    return reduce_max(abs(found - expected) - 5 * sqrt(max(variance, 0) * share)).item() <=
           2 * static_cast<double>(s.shape()[1]) * tolerance;
  };
  // The factor of a collapsed S is the root of a rounding error.
  if (reduce_min(sum(variances, {-1})).item() < 1e3 * tolerance) return;
  CHECK(near(mean(d, {0}), zeros_like(m), variances));
  const Tensor moments = matmul(permute(d, {1, 2, 0}), permute(d, {1, 0, 2})) * share;
  CHECK(near(moments, s, insert_axes(variances, {-1}) * insert_axes(variances, {-2}) + square(s)));
}

// The members against the closed forms. `effective` is the number of data points that share the posterior.
template <class Oracle>
void check_members(const Oracle& oracle, const flow::AffinePath& path, const Tensor& x, double time,
                   double effective) {
  CAPTURE(path.name);
  CAPTURE(time);
  const Tensor t = time_of(time);
  const flow::TimedField v = [&](const Tensor& at, const Tensor& now) { return oracle.velocity(at, now); };
  const Posterior p = posterior(v, path, x, t);
  const Tensor s = oracle.covariance(x, t), m = oracle.mean(x, t);
  const Tensor traces = sum(diagonal(s), {-1});
  const double tolerance = 1e-12 * error_scale(path, t, x.shape()[1]);

  CHECK(largest(p.mean() - m) <= 1e-13 * (largest(m) + largest(x) / path.wronskian(t).item()));
  CHECK(largest(p.covariance() - s) <= tolerance);
  CHECK(largest(p.variance() - diagonal(s)) <= tolerance);
  CHECK(largest(p.trace() - traces) <= tolerance);
  if (effective > 1.5) CHECK(largest((p.trace() - traces) / traces) <= 1e-9);
  const Tensor vectors = random_normal(33, Shape{3, 1, x.shape()[1]});
  CHECK(largest(p.apply(vectors) - sum(s * insert_axes(vectors, {-2}), {-1})) <=
        tolerance * largest(vectors));

  // An error of the second derivative is multiplied by (s^2 / a)^2. One direction for all samples, and one
  // for each.
  const double spread = (square(path.s(t)) / path.a(t)).item();
  for (const std::int64_t count : {std::int64_t{1}, x.shape()[0]}) {
    const Tensor e = random_normal(34, Shape{count, x.shape()[1]});
    CHECK(largest(p.third_moment(e) - oracle.third_moment(x, t, e)) <=
          1e-14 * (1 + spread * spread) * std::pow(largest(norm(e, {-1})), 3));
  }

  check_spectrum(p, s, tolerance);
  check_samples(p, m, s, tolerance);
}

}  // namespace

TEST_CASE("the Jacobian of an empirical field tells the posterior of its weights to rounding") {
  const Tensor data = random_normal(1, Shape{60, 16}) * 0.7 + 0.2;
  const Tensor x1 = data({range(0, 4)});
  const Tensor x0 = random_normal(2, Shape{4, 16});
  for (const flow::AffinePath& path : paths()) {
    const EmpiricalOracle oracle(data, path);
    for (const double time : kIdentityTimes) {
      const Tensor x = flow::interpolate(path, x0, x1, time_of(time)).x.detach();
      const double effective = reduce_min(oracle.field.effective_sample_size(x, time_of(time))).item();
      check_members(oracle, path, x, time, effective);
    }
  }
}

TEST_CASE("the Jacobian of the field of a Gaussian tells its posterior to rounding") {
  const std::int64_t n = 6;
  const Tensor variances = uniform(random_key(5), Shape{n}, DType::f64) + 0.05;
  const Tensor x = random_normal(6, Shape{5, n});
  for (const flow::AffinePath& path : paths()) {
    const GaussianOracle oracle(random_normal(7, Shape{n}), variances, reflection(4, n), path);
    for (const double time : kIdentityTimes) check_members(oracle, path, x, time, INFINITY);
  }
}

TEST_CASE("the Jacobian of the field of a Gaussian mixture tells its posterior to rounding") {
  const std::int64_t n = 6;
  const Tensor x = random_normal(6, Shape{5, n});
  for (const flow::AffinePath& path : paths()) {
    const MixtureOracle oracle(tensor<double>({1, 2, 3}, Shape{3}), random_normal(8, Shape{3, n}),
                               uniform(random_key(9), Shape{3, n}, DType::f64) + 0.05, path);
    for (const double time : kIdentityTimes) check_members(oracle, path, x, time, INFINITY);
  }
}

TEST_CASE("the exact divergence of a network is the trace of its Jacobian") {
  for (const nn::Activation activation :
       {nn::Activation::identity, nn::Activation::relu, nn::Activation::tanh, nn::Activation::silu,
        nn::Activation::gelu, nn::Activation::softplus}) {
    CAPTURE(nn::name_of(activation));
    const nn::Mlp network(random_key(1), {.inputs = 10,
                                          .outputs = 10,
                                          .width = 24,
                                          .hidden_layers = 3,
                                          .activation = activation,
                                          .output_gain = 1,
                                          .dtype = DType::f64});
    const Tensor x = random_normal(2, Shape{7, 10});
    for (const bool shared : {true, false}) {
      const Tensor t = uniform(random_key(3), Shape{shared ? 1 : 7, 1}, DType::f64);
      const Field v = [&](const Tensor& at) { return network(at, t); };
      const Tensor entries = diagonal(sample_jacobian(v, x));
      const std::vector<double> difference = abs(divergence(v, x) - sum(entries, {-1})).to_vector<double>();
      const std::vector<double> size = sum(abs(entries), {-1}).to_vector<double>();
      for (std::size_t b = 0; b < size.size(); ++b) CHECK(difference[b] <= 1e-12 * size[b]);
      CHECK(largest(jacobian_diagonal(v, x) - entries) <= 1e-12);
    }
  }
}

}  // namespace nabla::uncertainty
