#include "uncertainty/posterior.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "engine/engine.h"
#include "flow/flow.h"
#include "tests/uncertainty/oracles.h"

namespace nabla::uncertainty {
namespace {

using namespace test;

Posterior posterior_of(const flow::TimedField& v, const Tensor& x, const Tensor& t,
                       const PosteriorOptions& options = {}) {
  return posterior(v, flow::linear_path(), x, t, options);
}

}  // namespace

TEST_CASE("each sample may have a time of its own") {
  const flow::EmpiricalField field(random_normal(1, Shape{20, 4}));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = random_normal(2, Shape{3, 4});
  const std::vector<double> times{0.2, 0.5, 0.8};
  const Tensor t = tensor(times, Shape{3, 1});
  const Tensor s = field.posterior_covariance(x, t);
  CHECK(largest(posterior_of(v, x, t).covariance() - s) < 1e-12);
  CHECK(largest(posterior_of(v, x, t).variance() - diagonal(s)) < 1e-12);
  CHECK(largest(posterior_of(v, x, t).trace() - sum(diagonal(s), {-1})) < 1e-12);
}

TEST_CASE("samples may be images") {
  const flow::EmpiricalField field(random_normal(1, Shape{20, 6}));
  const flow::TimedField flat = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) {
    return reshape(field.velocity(reshape(x, Shape{x.shape()[0], 6}), t), x.shape());
  };
  const Tensor x = random_normal(2, Shape{3, 2, 3});
  const Tensor x_flat = reshape(x, Shape{3, 6});
  const Tensor t = time_of(0.4);
  CHECK(posterior_of(v, x, t).variance().shape() == x.shape());
  CHECK(largest(posterior_of(v, x, t).mean() - reshape(posterior_of(flat, x_flat, t).mean(), x.shape())) <
        1e-14);
  CHECK(largest(posterior_of(v, x, t).variance() -
                reshape(posterior_of(flat, x_flat, t).variance(), x.shape())) < 1e-14);
  CHECK(largest(posterior_of(v, x, t).covariance() - posterior_of(flat, x_flat, t).covariance()) < 1e-14);
  CHECK(largest(posterior_of(v, x, t).trace() - posterior_of(flat, x_flat, t).trace()) < 1e-13);
  const Tensor vectors = random_normal(3, Shape{2, 3, 2, 3});
  const Tensor products = posterior_of(v, x, t).apply(vectors);
  CHECK(products.shape() == vectors.shape());
  CHECK(largest(reshape(products, Shape{2, 3, 6}) -
                posterior_of(flat, x_flat, t).apply(reshape(vectors, Shape{2, 3, 6}))) < 1e-13);
}

TEST_CASE("times at which the identity does not hold are refused") {
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return x; };
  const Tensor x = zeros(Shape{2, 3}, DType::f64);
  for (const double time : {0.0, 1.0, -0.5, 1.5, std::nan("")})
    CHECK_THROWS_WITH_AS(posterior_of(v, x, time_of(time)), doctest::Contains("posterior: the time"), Error);
  const Tensor one_outside = tensor<double>({0.5, 1}, Shape{2, 1});
  CHECK_THROWS_WITH_AS(posterior_of(v, x, one_outside),
                       doctest::Contains("strictly between 0 (noise) and 1 (data)"), Error);
  CHECK_THROWS_WITH_AS(posterior_of(v, x, zeros(Shape{3, 1}, DType::f64)),
                       doctest::Contains("[2, 1] or [1, 1]"), Error);
}

TEST_CASE("posteriors may be mapped over times and differentiated by them") {
  const flow::EmpiricalField field(random_normal(1, Shape{20, 4}));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = random_normal(2, Shape{3, 4});
  const std::vector<double> times{0.2, 0.5, 0.8};
  const auto trace = [&](const Tensor& t) { return posterior_of(v, x, t).trace(); };

  const Tensor mapped = vmap(trace, tensor(times, Shape{3, 1, 1}));
  CHECK(mapped.shape() == Shape{3, 3});
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Tensor one = trace(time_of(times[i]));
    CHECK(largest(mapped[static_cast<int>(i)] - one) < 1e-13);
  }
  // A time that is computed from the variable has no elements either.
  const Tensor later =
      vmap([&](const Tensor& t) { return posterior_of(v, x, 1 - t).mean(); }, tensor(times, Shape{3, 1, 1}));
  CHECK(largest(later[0] - posterior_of(v, x, time_of(0.8)).mean()) < 1e-13);

  const Tensor t = time_of(0.5);
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
  const Posterior p = posterior_of(v, x, time_of(0.5));
  CHECK_THROWS_WITH_AS(p.trace(), doctest::Contains("mixes samples"), Error);
  CHECK_THROWS_WITH_AS(p.variance(), doctest::Contains("mixes samples"), Error);
  CHECK_THROWS_WITH_AS(p.covariance(), doctest::Contains("mixes samples"), Error);
  CHECK_THROWS_WITH_AS(p.apply(x), doctest::Contains("mixes samples"), Error);
  CHECK_THROWS_WITH_AS(p.third_moment(x), doctest::Contains("mixes samples"), Error);
}

TEST_CASE("a source of another scale multiplies the covariance by its square") {
  const Tensor data = random_normal(1, Shape{30, 4});
  const Tensor x = random_normal(2, Shape{3, 4});
  const Tensor e = random_normal(3, Shape{3, 4});
  for (const double k : {.5, 2.}) {
    for (const flow::AffinePath& path : paths()) {
      CAPTURE(path.name);
      CAPTURE(k);
      const flow::PairedField field(zeros_like(data), data, k, path);
      const flow::TimedField v = [&](const Tensor& at, const Tensor& t) { return field.velocity(at, t); };
      for (const double time : {.1, .4, .7}) {
        const Tensor t = time_of(time);
        const Posterior scaled = posterior(v, path, x, t, {.source_scale = k});
        const Tensor s = field.posterior_covariance(x, t);
        const double tolerance = 1e-11 * k * k;
        CHECK(largest(scaled.mean() - field.posterior_mean(x, t)) < 1e-13);
        CHECK(largest(scaled.covariance() - s) < tolerance);
        CHECK(largest(scaled.variance() - diagonal(s)) < tolerance);
        CHECK(largest(scaled.trace() - sum(diagonal(s), {-1})) < tolerance);
        CHECK(largest(scaled.apply(e) - sum(s * insert_axes(e, {-2}), {-1})) < tolerance * largest(e));
        const Tensor along = sum((data - insert_axes(scaled.mean(), {-2})) * insert_axes(e, {-2}), {-1});
        const Tensor third = sum(field.weights(x, t) * along * square(along), {-1});
        CHECK(largest(scaled.third_moment(e) - third) < 1e-10 * std::pow(k, 4));
        // Not declared, S is off by k^2 and the third moment by k^4.
        const Posterior plain = posterior(v, path, x, t);
        CHECK(largest(plain.covariance() * (k * k) - s) < tolerance);
        CHECK(largest(plain.third_moment(e) * std::pow(k, 4) - third) < 1e-10 * std::pow(k, 4));
      }
    }
  }
  const flow::TimedField v = [](const Tensor& at, const Tensor&) { return at; };
  for (const double k : {0., -1., std::nan("")})
    CHECK_THROWS_WITH_AS(posterior_of(v, x, time_of(.5), {.source_scale = k}),
                         doctest::Contains("of the source must be positive"), Error);
}

TEST_CASE("third moments along many directions, each for each sample or for all") {
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return sin(x); };
  const Posterior p = posterior_of(v, random_normal(1, Shape{3, 2, 2}), time_of(.5));
  for (const std::int64_t batch : {1, 3}) {
    const Tensor directions = random_normal(2, Shape{5, 2, batch, 2, 2});
    const Tensor all = p.third_moment(directions);
    CHECK(all.shape() == Shape{5, 2, 3});
    CHECK(largest(all[4][1] - p.third_moment(directions[4][1])) < 1e-13);
  }
  CHECK(p.third_moment(ones(Shape{1, 2, 2}, DType::f64)).shape() == Shape{3});
  for (const Shape& shape : {Shape{2, 2, 2}, Shape{3, 4}})
    CHECK_THROWS_WITH_AS(p.third_moment(ones(shape, DType::f64)),
                         doctest::Contains("directional_derivatives"), Error);
}

TEST_CASE("making a posterior computes nothing") {
  const flow::TimedField refuses = [](const Tensor&, const Tensor&) -> Tensor { throw Error("called"); };
  const Posterior p = posterior_of(refuses, zeros(Shape{1, 2}, DType::f64), time_of(.5));
  CHECK_THROWS_WITH_AS(p.mean(), doctest::Contains("called"), Error);
  CHECK_THROWS_WITH_AS(p.trace(), doctest::Contains("called"), Error);
  const flow::TimedField flat = [](const Tensor& x, const Tensor&) { return sum(x, {-1}); };
  CHECK_THROWS_WITH_AS(posterior_of(flat, zeros(Shape{1, 2}, DType::f64), time_of(.5)).mean(),
                       doctest::Contains("a velocity has the shape of its sample"), Error);
}

TEST_CASE("negative eigenvalues count as zero or are left out, and are reported") {
  // On the linear path at t = 1/2 S = (1/2)(I + (1/2) J): here with the eigenvalues 1, 1/4 and -1/4, turned.
  const Tensor q = reflection(3, 3);
  const Tensor eigenvalues = tensor<double>({1, .25, -.25}, Shape{1, 3});
  const Tensor s = matmul(q * eigenvalues, transpose(q));
  const Tensor j = (s * 2 - identity(3, DType::f64)) * 2;
  // What is antisymmetric does not matter.
  const Tensor turn = tensor<double>({0, 1, -2, -1, 0, 3, 2, -3, 0}, Shape{3, 3});
  const flow::TimedField v = [&](const Tensor& x, const Tensor&) { return matmul(x, transpose(j + turn)); };
  const Tensor x = random_normal(1, Shape{2, 3});
  const Posterior p = posterior_of(v, x, time_of(.5));
  const PosteriorLogDeterminant found_determinant = p.log_determinant();
  CHECK(found_determinant.value[1].item() == doctest::Approx(std::log(.25)).epsilon(1e-12));
  CHECK(found_determinant.left_out.to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 1});
  CHECK(p.log_determinant(.5).value[0].item() == doctest::Approx(0).scale(1).epsilon(1e-12));
  CHECK(p.log_determinant(.5).left_out[0].item() == 2);
  CHECK_THROWS_WITH_AS(p.log_determinant(1), doctest::Contains("the floor 1"), Error);
  const std::int64_t n = 20000;
  const PosteriorSamples drawn = p.samples(random_key(2), n);
  CHECK(drawn.clipped_mass[1].item() == doctest::Approx(.25 / 1.5).epsilon(1e-12));
  const Tensor d = drawn.values - p.mean();
  const Tensor clipped = matmul(q * max(eigenvalues, 0), transpose(q));
  const Tensor found = matmul(transpose(d({all, 1})), d({all, 1})) * (1.0 / static_cast<double>(n));
  CHECK(largest(found - clipped) < 5 * std::sqrt(2.0 / static_cast<double>(n)));
  // Along the clipped direction nothing is left.
  CHECK(largest(matmul(d({all, 1}), q({all, range(2, 3)}))) < 1e-7);
  const EigenPairs pairs = p.eigenpairs(3);
  CHECK(largest(pairs.values - eigenvalues) < 1e-9);
}

TEST_CASE("the covariance as an operator is the matrix, and its transpose the matrix turned") {
  const flow::TimedField v = [](const Tensor& x, const Tensor& t) {
    return matmul(sin(x), tensor<double>({1, 2, 0, -1, .5, 3, 2, 0, 1}, Shape{3, 3})) * t;
  };
  const Posterior p = posterior(v, flow::trigonometric_path(), random_normal(1, Shape{2, 3}), time_of(.4),
                                {.source_scale = 2});
  const LinearOperator s = p.covariance_operator();
  const Tensor vectors = random_normal(2, Shape{4, 2, 3}), matrix = p.covariance();
  CHECK(largest(s.apply(vectors) - sum(matrix * insert_axes(vectors, {-2}), {-1})) < 1e-12);
  CHECK(largest(s.apply_transpose(vectors) - sum(matrix * insert_axes(vectors, {-1}), {-2})) < 1e-12);
  const flow::TimedField wider = [](const Tensor& x, const Tensor&) { return concatenate({x, x}, 1); };
  CHECK_THROWS_WITH_AS(posterior_of(wider, random_normal(1, Shape{2, 3}), time_of(.4)).apply(vectors),
                       doctest::Contains("maps [2, 3] to [2, 6]"), Error);
}

TEST_CASE("samples are of the type and shape of x, and any number of them") {
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return -x; };
  const Tensor images = normal(random_key(1), Shape{3, 2, 2});
  const Posterior p = posterior_of(v, images, flow::shared_time(.5, DType::f32));
  const PosteriorSamples drawn = p.samples(random_key(1), 7);
  CHECK(drawn.values.shape() == Shape{7, 3, 2, 2});
  CHECK(drawn.values.dtype() == DType::f32);
  CHECK(drawn.clipped_mass.to_vector<double>() == std::vector<double>{0, 0, 0});
  CHECK(p.samples(random_key(1), 0).values.shape() == Shape{0, 3, 2, 2});
  CHECK_THROWS_WITH_AS(p.samples(random_key(1), -1), doctest::Contains("-1 samples"), Error);
  CHECK(p.log_determinant().value.dtype() == DType::f64);
  CHECK(p.eigenpairs(2).vectors.shape() == Shape{2, 3, 2, 2});
  const flow::TimedField infinite = [](const Tensor& x, const Tensor&) { return x / (x - x); };
  const Posterior none = posterior_of(infinite, images, flow::shared_time(.5, DType::f32));
  CHECK_THROWS_WITH_AS(none.samples(random_key(1), 1), doctest::Contains("NaN"), Error);
  CHECK_THROWS_WITH_AS(none.log_determinant(), doctest::Contains("NaN"), Error);
}

TEST_CASE("members share their nodes") {
  const flow::EmpiricalField field(random_normal(1, Shape{20, 4}));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Posterior p = posterior_of(v, random_normal(2, Shape{3, 4}), time_of(.5));
  CHECK(same(p.mean_jacobian(), p.mean_jacobian()));
  CHECK(same(p.trace(), Posterior(p).trace()));
}

TEST_CASE("an average velocity tells a posterior at r = t alone") {
  const GaussianOracle gaussian(random_normal(1, Shape{3}), tensor<double>({2, 1, .3}, Shape{3}),
                                reflection(2, 3), flow::linear_path());
  const flow::AverageField u = [&](const Tensor& x, const Tensor& t, const Tensor& r) {
    const Tensor apart = not_equal(t, r);
    return select(apart, gaussian.field.average_velocity(x, t, select(apart, r, r + 1)),
                  gaussian.field.velocity(x, t));
  };
  const Tensor x = random_normal(3, Shape{2, 3});
  const flow::AffinePath path = flow::linear_path();
  const Tensor t = time_of(.5);
  const Tensor s = gaussian.covariance(x, t);
  CHECK(largest(posterior(u, path, x, t, t).covariance() - s) < 1e-13);
  // Compared by value, whatever the shapes.
  const Tensor each = full(Shape{2, 1}, .5, DType::f64);
  CHECK(largest(posterior(u, path, x, t, each).covariance() - s) < 1e-13);
  CHECK(largest(posterior(u, path, x, each, t).covariance() - s) < 1e-13);
  CHECK_THROWS_WITH_AS(posterior(u, path, x, t, time_of(.75)),
                       doctest::Contains("an average velocity u(x, t, r) with r up to 0.25"), Error);
  CHECK_THROWS_WITH_AS(posterior(u, path, x, t, tensor<double>({.5, .6}, Shape{2, 1})),
                       doctest::Contains("only u(x, t, t)"), Error);
  CHECK_THROWS_AS(posterior(u, path, x, t, time_of(std::nan(""))), Error);
  CHECK_THROWS_WITH_AS(posterior(u, path, x, t, zeros(Shape{3, 1}, DType::f64)),
                       doctest::Contains("[2, 1] or [1, 1]"), Error);

  const Posterior warned = posterior(u, path, x, t, time_of(1), {.preconditions = Preconditions::warn});
  REQUIRE(warned.warnings().size() == 1);
  CHECK(warned.warnings()[0].find("average velocity") != std::string::npos);
  CHECK(largest(warned.covariance() - s) > .01);

  // Inside a transform by time there are no values to compare.
  const auto trace = [&](const Tensor& time, const Tensor& until) {
    return posterior(u, path, x, time, until).trace();
  };
  const Tensor times = tensor<double>({.3, .5}, Shape{2, 1, 1});
  const Tensor mapped = vmap([&](const Tensor& time) { return trace(time, time); }, times);
  CHECK(largest(mapped[1] - posterior(u, path, x, t, t).trace()) < 1e-13);
  CHECK_THROWS_WITH_AS(vmap([&](const Tensor& time) { return trace(time, t); }, times),
                       doctest::Contains("cannot be compared"), Error);
}

}  // namespace nabla::uncertainty
