// The posterior that follows from the Jacobian of a field, against posteriors in closed form.

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "engine/engine.h"
#include "flow/flow.h"
#include "nn/mlp.h"
#include "uncertainty/uncertainty.h"

namespace nabla::uncertainty {
namespace {

double largest(const Tensor& x) { return reduce_max(abs(x)).item(); }

Tensor random_normal(std::uint64_t seed, const Shape& shape) {
  return normal(random_key(seed), shape, DType::f64);
}

Tensor diagonal(const Tensor& matrices) {
  return sum(matrices * identity(matrices.shape()[-1], matrices.dtype()), {-1});
}

const flow::AffinePath& path_number(int i) {
  static const flow::AffinePath paths[] = {flow::linear_path(), flow::trigonometric_path()};
  return paths[i];
}

// |s^2 s' / (a (a' s - a s'))| D: what an error of dm/dx of one unit in the last place becomes in S.
double error_scale(const flow::AffinePath& path, const Tensor& t, std::int64_t elements) {
  const Tensor scale = square(path.s(t)) * path.s_rate(t) / (path.a(t) * path.wronskian(t));
  return std::abs(scale.item()) * static_cast<double>(elements);
}

// Mean, trace, diagonal, matrix and products that follow from the field, against the closed forms.
template <class Oracle>
void check_posterior(const Oracle& oracle, const flow::AffinePath& path, const Tensor& x, double time,
                     double relative_tolerance) {
  CAPTURE(path.name);
  CAPTURE(time);
  const Tensor t = flow::shared_time(time, DType::f64);
  const flow::TimedField v = [&](const Tensor& at, const Tensor& now) { return oracle.velocity(at, now); };
  const PosteriorOptions options{.path = path};
  const Tensor s = oracle.posterior_covariance(x, t);
  const double tolerance = relative_tolerance * error_scale(path, t, x.shape()[1]);
  CHECK(largest(posterior_mean(v, x, t, options) - oracle.posterior_mean(x, t)) < 1e-9);
  CHECK(largest(posterior_covariance(v, x, t, options) - s) <= tolerance);
  CHECK(largest(posterior_variance(v, x, t, options) - diagonal(s)) <= tolerance);
  CHECK(largest(posterior_trace(v, x, t, options) - sum(diagonal(s), {-1})) <= tolerance);
  const Tensor vectors = random_normal(33, Shape{3, 1, x.shape()[1]});
  const Tensor expected = sum(s * insert_axes(vectors, {-2}), {-1});
  CHECK(largest(posterior_apply(v, x, t, vectors, options) - expected) <= tolerance * largest(vectors));
}

// A Gaussian with the interface of the other oracles.
struct GaussianOracle {
  flow::GaussianField field;
  Tensor velocity(const Tensor& x, const Tensor& t) const { return field.velocity(x, t); }
  Tensor posterior_mean(const Tensor& x, const Tensor& t) const { return field.posterior_mean(x, t); }
  Tensor posterior_covariance(const Tensor&, const Tensor& t) const { return field.posterior_covariance(t); }
};

}  // namespace

TEST_CASE("the Jacobian of an empirical field reproduces the covariance of its weights to rounding") {
  const Tensor data = random_normal(1, Shape{60, 16}) * 0.7 + 0.2;
  const Tensor x1 = data({range(0, 4)});
  const Tensor x0 = random_normal(2, Shape{4, 16});
  for (int which = 0; which < 2; ++which) {
    const flow::AffinePath& path = path_number(which);
    const flow::EmpiricalField field(data, path);
    for (const double time : {.02, .05, .1, .2, .3, .4, .5, .6, .7, .8, .9, .95, .98}) {
      const Tensor x = flow::interpolate(path, x0, x1, flow::shared_time(time, DType::f64)).x;
      check_posterior(field, path, x, time, 1e-12);
    }
  }
}

TEST_CASE("posteriors of Gaussians and of their mixtures") {
  const std::int64_t n = 6;
  const Tensor v = random_normal(4, Shape{n, 1});
  const Tensor reflection = identity(n, DType::f64) - matmul(v, transpose(v)) * 2 / sum(square(v));
  const Tensor variances = uniform(random_key(5), Shape{n}, DType::f64) + 0.05;
  const Tensor x = random_normal(6, Shape{5, n});
  for (int which = 0; which < 2; ++which) {
    const flow::AffinePath& path = path_number(which);
    const GaussianOracle gaussian{
        flow::GaussianField(random_normal(7, Shape{n}), variances, reflection, path)};
    const flow::GaussianMixtureField mixture(tensor<double>({1, 2, 3}, Shape{3}),
                                             random_normal(8, Shape{3, n}),
                                             uniform(random_key(9), Shape{3, n}, DType::f64) + 0.05, path);
    for (const double time : {.02, .1, .3, .5, .8, .98}) {
      check_posterior(gaussian, path, x, time, 1e-12);
      check_posterior(mixture, path, x, time, 1e-12);
    }
  }
}

TEST_CASE("each sample may have a time of its own") {
  const flow::EmpiricalField field(random_normal(1, Shape{20, 4}));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = random_normal(2, Shape{3, 4});
  const std::vector<double> times{0.2, 0.5, 0.8};
  const Tensor t = tensor(times, Shape{3, 1});
  const Tensor s = field.posterior_covariance(x, t);
  CHECK(largest(posterior_covariance(v, x, t) - s) < 1e-12);
  CHECK(largest(posterior_variance(v, x, t) - diagonal(s)) < 1e-12);
  CHECK(largest(posterior_trace(v, x, t) - sum(diagonal(s), {-1})) < 1e-12);
}

TEST_CASE("samples may be images") {
  const flow::EmpiricalField field(random_normal(1, Shape{20, 6}));
  const flow::TimedField flat = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) {
    return reshape(field.velocity(reshape(x, Shape{x.shape()[0], 6}), t), x.shape());
  };
  const Tensor x = random_normal(2, Shape{3, 2, 3});
  const Tensor x_flat = reshape(x, Shape{3, 6});
  const Tensor t = flow::shared_time(0.4, DType::f64);
  CHECK(posterior_variance(v, x, t).shape() == x.shape());
  CHECK(largest(posterior_mean(v, x, t) - reshape(posterior_mean(flat, x_flat, t), x.shape())) < 1e-14);
  CHECK(largest(posterior_variance(v, x, t) - reshape(posterior_variance(flat, x_flat, t), x.shape())) <
        1e-14);
  CHECK(largest(posterior_covariance(v, x, t) - posterior_covariance(flat, x_flat, t)) < 1e-14);
  CHECK(largest(posterior_trace(v, x, t) - posterior_trace(flat, x_flat, t)) < 1e-13);
  const Tensor vectors = random_normal(3, Shape{2, 3, 2, 3});
  const Tensor products = posterior_apply(v, x, t, vectors);
  CHECK(products.shape() == vectors.shape());
  CHECK(largest(reshape(products, Shape{2, 3, 6}) -
                posterior_apply(flat, x_flat, t, reshape(vectors, Shape{2, 3, 6}))) < 1e-13);
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

TEST_CASE("times at which the identity does not hold are refused") {
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return x; };
  const Tensor x = zeros(Shape{2, 3}, DType::f64);
  for (const double time : {0.0, 1.0, -0.5, 1.5, std::nan("")}) {
    const Tensor t = flow::shared_time(time, DType::f64);
    CHECK_THROWS_WITH_AS(posterior_trace(v, x, t), doctest::Contains("posterior_trace: the time"), Error);
    CHECK_THROWS_AS(posterior_mean(v, x, t), Error);
    CHECK_THROWS_AS(posterior_variance(v, x, t), Error);
    CHECK_THROWS_AS(posterior_covariance(v, x, t), Error);
    CHECK_THROWS_AS(posterior_apply(v, x, t, x), Error);
  }
  const Tensor one_outside = tensor<double>({0.5, 1}, Shape{2, 1});
  CHECK_THROWS_WITH_AS(posterior_mean(v, x, one_outside),
                       doctest::Contains("strictly between 0 (noise) and 1 (data)"), Error);
  CHECK_THROWS_WITH_AS(posterior_mean(v, x, zeros(Shape{3, 1}, DType::f64)),
                       doctest::Contains("[2, 1] or [1, 1]"), Error);
}

TEST_CASE("posteriors may be mapped over times and differentiated by them") {
  const flow::EmpiricalField field(random_normal(1, Shape{20, 4}));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = random_normal(2, Shape{3, 4});
  const std::vector<double> times{0.2, 0.5, 0.8};
  const auto trace = [&](const Tensor& t) { return posterior_trace(v, x, t); };

  const Tensor mapped = vmap(trace, tensor(times, Shape{3, 1, 1}));
  CHECK(mapped.shape() == Shape{3, 3});
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Tensor one = trace(flow::shared_time(times[i], DType::f64));
    CHECK(largest(mapped[static_cast<int>(i)] - one) < 1e-13);
  }
  // A time that is computed from the variable has no elements either.
  const Tensor later =
      vmap([&](const Tensor& t) { return posterior_mean(v, x, 1 - t); }, tensor(times, Shape{3, 1, 1}));
  CHECK(largest(later[0] - posterior_mean(v, x, flow::shared_time(0.8, DType::f64))) < 1e-13);

  const Tensor t = flow::shared_time(0.5, DType::f64);
  const double step = 1e-5;
  const Tensor difference = (trace(t + step) - trace(t - step)) / (2 * step);
  CHECK(largest(jvp(trace, t, ones_like(t)).tangent - difference) < 1e-7);
  const Tensor slope = grad([&](const Tensor& at) { return sum(trace(at)); }, t);
  CHECK(slope.item() == doctest::Approx(sum(difference).item()).epsilon(1e-7));
  const Tensor slopes = vmap([&](const Tensor& at) { return jvp(trace, at, ones_like(at)).tangent; },
                             tensor(times, Shape{3, 1, 1}));
  CHECK(largest(slopes[1] - difference) < 1e-7);
}

TEST_CASE("a field that mixes samples is refused") {
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return x - mean(x, {0}, true); };
  const Tensor x = random_normal(1, Shape{2, 3});
  CHECK_THROWS_WITH_AS(posterior_trace(v, x, flow::shared_time(0.5, DType::f64)),
                       doctest::Contains("mixes samples"), Error);
}

}  // namespace nabla::uncertainty
