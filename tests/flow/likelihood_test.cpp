#include "flow/likelihood.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "engine/engine.h"
#include "flow/gaussian.h"
#include "flow/gaussian_mixture.h"

namespace nabla::flow {
namespace {

const double kLogTwoPi = std::log(2 * std::numbers::pi);

// Samples with their log-density and a field.
struct Problem {
  Tensor x;
  Tensor log_density;
  TimedField v;
};

// A rotation [d, d] as a product of reflections.
Tensor turned_basis(std::int64_t d) {
  Tensor q = identity(d, DType::f64);
  for (std::uint64_t i = 0; i < 4; ++i) {
    Tensor w = normal(random_key(50 + i), Shape{d, 1}, DType::f64);
    w = w / norm(w);
    q = matmul(q, identity(d, DType::f64) - matmul(w, transpose(w)) * 2);
  }
  return q.detach();
}

// N(mu, Q diag(l) Q^T) in six dimensions, with l from .001 to 2.
Problem gaussian_problem(DType type) {
  const Tensor mean = tensor<double>({0.5, -1, 0, 0.3, -0.2, 0.8}, Shape{6});
  const Tensor variances = tensor<double>({0.001, 0.01, 0.1, 0.5, 1, 2}, Shape{6});
  const Tensor basis = turned_basis(6);
  const Tensor z = normal(random_key(3), Shape{64, 6}, DType::f64);
  const GaussianField field(cast(mean, type), cast(variances, type), cast(basis, type));
  return {cast(mean + matmul(z * sqrt(variances), transpose(basis)), type).detach(),
          sum(square(z) + log(variances) + kLogTwoPi, {-1}) * -0.5,
          [field](const Tensor& x, const Tensor& t) { return field.velocity(x, t); }};
}

// Two overlapping components in three dimensions. At t = 1 this field is 0 / 0.
Problem mixture_problem(DType type) {
  const Tensor weights = tensor<double>({0.3, 0.7}, Shape{2});
  const Tensor means = tensor<double>({-0.6, 0.5, 0.2, 0.7, -0.3, 0.1}, Shape{2, 3});
  const Tensor variances = tensor<double>({0.02, 0.1, 0.5, 0.05, 0.01, 0.3}, Shape{2, 3});
  const Tensor z = normal(random_key(4), Shape{32, 2, 3}, DType::f64);
  const Tensor x = reshape(means + z * sqrt(variances), Shape{64, 3});
  const Tensor squares = square(insert_axes(x, {-2}) - means) / variances;
  const Tensor of_components = sum(squares + log(variances) + kLogTwoPi, {-1}) * -0.5;
  const GaussianMixtureField field(cast(weights, type), cast(means, type), cast(variances, type));
  return {cast(x, type).detach(), logsumexp(of_components + log(weights), {-1}),
          [field](const Tensor& y, const Tensor& t) { return field.velocity(y, t); }};
}

double largest_error(const Problem& problem, const LikelihoodOptions& options = {}) {
  const Likelihood result = log_likelihood(problem.v, problem.x, options);
  CHECK(result.log_density.dtype() == DType::f64);
  return reduce_max(abs(result.log_density - problem.log_density)).item();
}

}  // namespace

TEST_CASE("the log-density of a Gaussian is right to 1e-4 nats with few divergences") {
  const Problem problem = gaussian_problem(DType::f64);
  CHECK(largest_error(problem) < 1e-5);
  CHECK(largest_error(problem, {.nodes = 16}) < 1e-4);
  CHECK(largest_error(problem, {.nodes = 24, .steps_between_nodes = 2}) < 2e-4);
  CHECK(largest_error(problem, {.nodes = 40, .steps_between_nodes = 8}) < 1e-7);
  // What the grading is good for.
  CHECK(largest_error(problem, {.nodes = 16, .power = 1}) > 10 * largest_error(problem, {.nodes = 16}));
}

TEST_CASE("f32 loses little") {
  CHECK(largest_error(gaussian_problem(DType::f32)) < 3e-4);
  CHECK(largest_error(mixture_problem(DType::f32), {.nodes = 40}) < 5e-4);
}

TEST_CASE("the log-density of a mixture is right, and its field not asked where it is 0 / 0") {
  const Problem problem = mixture_problem(DType::f64);
  CHECK(largest_error(problem) < 5e-3);
  CHECK(largest_error(problem, {.nodes = 40}) < 1e-4);
  CHECK(largest_error(problem, {.nodes = 80}) < 1e-6);
}

TEST_CASE("a likelihood says how far few divergences may lead astray") {
  for (const bool several : {false, true}) {
    const Problem problem = several ? mixture_problem(DType::f64) : gaussian_problem(DType::f64);
    for (const std::int64_t nodes : {16, 24, 40}) {
      CAPTURE(several);
      CAPTURE(nodes);
      const Likelihood result = log_likelihood(problem.v, problem.x, {.nodes = nodes, .rows = 40});
      const Tensor error = abs(result.log_density - problem.log_density);
      // What the trajectory adds is below 1e-5.
      const Tensor held = cast(less_equal(error, result.quadrature_error + 1e-5), DType::f64);
      CHECK(mean(held).item() > (nodes < 24 ? 0.9 : 0.98));
      if (several && nodes == 24) CHECK(mean(result.quadrature_error).item() < 300 * mean(error).item());
    }
  }
  // Of several modes the defaults say that they are not sure of the second digit, of one that they are.
  const auto largest = [](const Problem& problem) {
    return reduce_max(log_likelihood(problem.v, problem.x).quadrature_error).item();
  };
  CHECK(largest(mixture_problem(DType::f64)) > 0.005);
  CHECK(largest(gaussian_problem(DType::f64)) < 0.002);
  CHECK(
      std::isnan(log_likelihood(gaussian_problem(DType::f64).v, gaussian_problem(DType::f64).x, {.nodes = 3})
                     .quadrature_error[0]
                     .item()));
}

TEST_CASE("the noise belongs to the sample, and evaluations are counted") {
  const Problem problem = gaussian_problem(DType::f64);
  std::int64_t calls = 0;
  const TimedField counted = [&](const Tensor& x, const Tensor& t) {
    ++calls;
    return problem.v(x, t);
  };
  const Likelihood result = log_likelihood(counted, problem.x, {.nodes = 10, .steps_between_nodes = 3});
  CHECK(result.divergences == 10);
  CHECK(result.evaluations == 11 * 3 * 4);
  CHECK(calls == result.evaluations + result.divergences);
  const Tensor z = log_likelihood(problem.v, problem.x).x0;
  // Of a Gaussian the noise is as far from 0 as the sample is from the mean, in its own units.
  const Tensor expected = problem.log_density * -2 - (6 * kLogTwoPi + std::log(0.001 * 0.01 * 0.1 * 0.5 * 2));
  CHECK(reduce_max(abs(sum(square(z), {-1}) - expected)).item() < 1e-4);
}

TEST_CASE(
    "an estimated divergence gives the density within its standard error, which deflation makes small") {
  // Forty dimensions, of which three differ from the others.
  const Tensor variances =
      full(Shape{40}, 0.3, DType::f64) + pad(tensor<double>({1.7, 0.7, -0.28}, Shape{3}), 0, 0, 37);
  const Tensor z = normal(random_key(3), Shape{48, 40}, DType::f64);
  const Tensor basis = turned_basis(40);
  const GaussianField field(zeros(Shape{40}, DType::f64), variances, basis);
  const Tensor x = matmul(z * sqrt(variances), transpose(basis)).detach();
  const Tensor log_density = sum(square(z) + log(variances) + kLogTwoPi, {-1}) * -0.5;
  const TimedField v = [&](const Tensor& at, const Tensor& t) { return field.velocity(at, t); };
  const auto estimated = [&](const DeflationOptions& deflation) {
    const Likelihood result =
        log_likelihood(v, x, {.rows = 20, .jacobian = {.key = random_key(8)}, .deflation = deflation});
    CHECK(result.products == (24 + deflation.warm_up) * (deflation.rank + deflation.probes));
    const Tensor error = abs(result.log_density - log_density);
    CHECK(reduce_max(error / (result.standard_error * 4.5 + 1e-4)).item() < 1);
    return mean(result.standard_error).item();
  };
  const double with_one = estimated({.rank = 1, .probes = 4});
  const double with_three = estimated({.rank = 3, .probes = 4});
  CHECK(with_one > 0.1);
  CHECK(with_three < 0.02 * with_one);
  // The errors are as large as they say: their mean square in units of the standard error is 1.
  const Likelihood result = log_likelihood(
      v, x, {.jacobian = {.key = random_key(9)}, .deflation = DeflationOptions{.rank = 1, .probes = 4}});
  const double squares = mean(square((result.log_density - log_density) / result.standard_error)).item();
  CHECK(squares > 0.5);
  CHECK(squares < 2);
  // Hutchinson's, with other probes at every node.
  const Likelihood plain = log_likelihood(
      v, x, {.jacobian = {.method = JacobianMethod::hutchinson, .key = random_key(7), .products = 5}});
  const double plain_squares = mean(square((plain.log_density - log_density) / plain.standard_error)).item();
  CHECK(plain_squares > 0.5);
  CHECK(plain_squares < 2);
  CHECK(mean(plain.standard_error).item() > 10 * with_three);
  const Likelihood exact = log_likelihood(v, x);
  CHECK(reduce_max(exact.standard_error).item() == 0);
  CHECK(exact.products == 0);
}

TEST_CASE("rows in blocks, images, and tangents in chunks give the same") {
  const Problem problem = gaussian_problem(DType::f64);
  const Likelihood whole = log_likelihood(problem.v, problem.x, {.nodes = 6});
  std::vector<std::int64_t> done;
  const Likelihood parts = log_likelihood(
      problem.v, problem.x, {.nodes = 6, .rows = 25, .jacobian = {.tangent_bytes = 2 * 25 * 6 * 8}},
      [&](std::int64_t now, std::int64_t total) {
        CHECK(total == 18);
        done.push_back(now);
      });
  CHECK(done.size() == 18);
  CHECK(done.back() == 18);
  CHECK(parts.evaluations == whole.evaluations);
  CHECK(reduce_max(abs(parts.log_density - whole.log_density)).item() < 1e-12);
  CHECK(reduce_max(abs(parts.x0 - whole.x0)).item() < 1e-12);

  const TimedField images = [&](const Tensor& x, const Tensor& t) {
    return reshape(problem.v(reshape(x, {x.shape()[0], 6}), t), x.shape());
  };
  const Likelihood square = log_likelihood(images, reshape(problem.x, {64, 2, 3}), {.nodes = 6});
  CHECK(square.x0.shape() == Shape{64, 2, 3});
  CHECK(reduce_max(abs(square.log_density - whole.log_density)).item() < 1e-12);
}

TEST_CASE("a likelihood refuses what does not fit, and passes a NaN on") {
  const TimedField v = [](const Tensor& x, const Tensor&) { return x; };
  const Tensor x = ones(Shape{2, 3});
  CHECK_THROWS_WITH_AS(log_likelihood(v, ones(Shape{2})), doctest::Contains("[2]"), Error);
  CHECK_THROWS_WITH_AS(log_likelihood(v, ones(Shape{2, 3}, DType::i32)), doctest::Contains("i32"), Error);
  CHECK_THROWS_WITH_AS(log_likelihood(v, zeros(Shape{0, 3})), doctest::Contains("[0, 3]"), Error);
  CHECK_THROWS_WITH_AS(log_likelihood(v, x, {.nodes = 0}), doctest::Contains("nodes 0"), Error);
  CHECK_THROWS_WITH_AS(log_likelihood(v, x, {.steps_between_nodes = 0}), doctest::Contains("nodes 0, power"),
                       Error);
  CHECK_THROWS_WITH_AS(log_likelihood(v, x, {.power = 0.5}), doctest::Contains("power 0.5"), Error);
  CHECK_THROWS_WITH_AS(log_likelihood(v, x, {.rows = 0}), doctest::Contains("rows 0"), Error);
  CHECK_THROWS_WITH_AS(
      log_likelihood([](const Tensor& y, const Tensor&) { return y - mean(y, {0}, true); }, x),
      doctest::Contains("divergence"), Error);
  const Likelihood bad = log_likelihood(
      [](const Tensor& y, const Tensor&) { return y * std::numeric_limits<double>::quiet_NaN(); }, x);
  CHECK(std::isnan(bad.log_density.data<double>()[0]));
  const LikelihoodOptions by_estimates{.jacobian = {.key = random_key(1)},
                                       .deflation = DeflationOptions{.rank = 2}};
  const Likelihood also_bad = log_likelihood(
      [](const Tensor& y, const Tensor&) { return y * std::numeric_limits<double>::quiet_NaN(); }, x,
      by_estimates);
  CHECK(std::isnan(also_bad.log_density.data<double>()[0]));
  CHECK_THROWS_WITH_AS(log_likelihood(v, x, {.deflation = DeflationOptions{}}),
                       doctest::Contains("options.jacobian.key"), Error);
  CHECK_THROWS_WITH_AS(
      log_likelihood(v, x, {.jacobian = {.key = random_key(1)}, .deflation = DeflationOptions{.rank = 0}}),
      doctest::Contains("rank 0"), Error);
}

TEST_CASE("bits per dimension") {
  // Uniform data on [-1, 1)^D have log-density -D log 2, and need log2(levels) bits.
  CHECK(bits_per_dim(-64 * std::numbers::ln2, 64, 17) == doctest::Approx(std::log2(17)).epsilon(1e-14));
  CHECK(bits_per_dim(0, 784, 256) == doctest::Approx(7));
  CHECK_THROWS_WITH_AS(bits_per_dim(0, 0, 17), doctest::Contains("0 dimensions"), Error);
  CHECK_THROWS_WITH_AS(bits_per_dim(0, 64, 0), doctest::Contains("0 levels"), Error);
}

}  // namespace nabla::flow
