#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "engine/engine.h"
#include "flow/empirical_field.h"
#include "flow/field.h"
#include "flow/gaussian.h"
#include "flow/gaussian_mixture.h"
#include "flow/paired_field.h"
#include "flow/preconditioned_field.h"
#include "tests/flow/numbers.h"

namespace nabla::flow {
namespace {

const AffinePath& path_number(int i) {
  static const AffinePath paths[] = {linear_path(), trigonometric_path()};
  return paths[i];
}

// An orthogonal matrix: a product of two reflections.
Tensor rotation(std::int64_t n) {
  Tensor q = identity(n, DType::f64);
  for (const std::uint64_t seed : {21u, 22u}) {
    const Tensor v = random_normal(seed, Shape{n, 1});
    q = matmul(q, identity(n, DType::f64) - matmul(v, transpose(v)) * 2 / sum(square(v)));
  }
  return q;
}

}  // namespace

TEST_CASE("the empirical field is the softmax formula, point by point") {
  constexpr std::int64_t kPoints = 7;
  constexpr std::int64_t kDim = 3;
  const Tensor data = random_normal(1, Shape{kPoints, kDim}) + 4;
  const Tensor x = random_normal(2, Shape{2, kDim}) + 2;
  for (int which = 0; which < 2; ++which) {
    const AffinePath& path = path_number(which);
    const EmpiricalField field(data, path);
    for (const double time : {0.05, 0.4, 0.9}) {
      CAPTURE(path.name);
      CAPTURE(time);
      const Tensor t = shared_time(time, DType::f64);
      const double a = path.a(t).item();
      const double s = path.s(t).item();
      const std::vector<double> points = data.to_vector<double>();
      const std::vector<double> at = x.to_vector<double>();
      const std::vector<double> w = field.weights(x, t).to_vector<double>();
      const std::vector<double> m = field.posterior_mean(x, t).to_vector<double>();
      const std::vector<double> v = field.velocity(x, t).to_vector<double>();
      const std::vector<double> covariance = field.posterior_covariance(x, t).to_vector<double>();
      const std::vector<double> traces = field.posterior_trace(x, t).to_vector<double>();
      for (std::size_t b = 0; b < 2; ++b) {
        double expected[kPoints];
        double total = 0;
        for (std::size_t i = 0; i < kPoints; ++i) {
          double distance = 0;
          for (std::size_t d = 0; d < kDim; ++d)
            distance += std::pow(at[b * kDim + d] - a * points[i * kDim + d], 2);
          total += expected[i] = std::exp(-distance / (2 * s * s));
        }
        double mean[kDim] = {};
        for (std::size_t i = 0; i < kPoints; ++i) {
          CHECK(w[b * kPoints + i] == doctest::Approx(expected[i] / total).epsilon(1e-9));
          for (std::size_t d = 0; d < kDim; ++d) mean[d] += expected[i] / total * points[i * kDim + d];
        }
        double trace = 0;
        for (std::size_t d = 0; d < kDim; ++d) {
          CHECK(m[b * kDim + d] == doctest::Approx(mean[d]).epsilon(1e-11));
          const double noise = (at[b * kDim + d] - a * mean[d]) / s;  // E[x0 | x_t = x]
          CHECK(v[b * kDim + d] ==
                doctest::Approx(path.a_rate(t).item() * mean[d] + path.s_rate(t).item() * noise)
                    .epsilon(1e-10));
          for (std::size_t e = 0; e < kDim; ++e) {
            double product = 0;
            for (std::size_t i = 0; i < kPoints; ++i)
              product +=
                  expected[i] / total * (points[i * kDim + d] - mean[d]) * (points[i * kDim + e] - mean[e]);
            CHECK(covariance[(b * kDim + d) * kDim + e] ==
                  doctest::Approx(product).epsilon(1e-9).scale(0.01));
            if (d == e) trace += product;
          }
        }
        CHECK(traces[b] == doctest::Approx(trace).epsilon(1e-9).scale(0.01));
      }
    }
  }
}

TEST_CASE("neighbours far from the other points keep their digits, with and without paired noise") {
  // Exponents change by less than `allowed` when a point moves by a unit in its last place.
  const auto check = [](double place, double allowed, DType dtype) {
    CAPTURE(place);
    const Tensor data = cast(tensor<double>({0, place, place + 1}, Shape{3, 1}), dtype);
    const Tensor t = shared_time(0.9, dtype);
    const double time = t.item();
    for (const double offset : {0.0, 0.27, 0.45, 0.6}) {
      const Tensor x = cast(tensor<double>({place * 0.9 + offset}, Shape{1, 1}), dtype);
      const double s = 1 - time, near = x.item() - time * place, other = near - time;
      const double expected = (near * near - other * other) / (2 * s * s);  // log w_2 / w_1
      for (const Tensor& w :
           {EmpiricalField(data).weights(x, t), PairedField(zeros_like(data), data, 1).weights(x, t)}) {
        const std::vector<double> weights = cast(w, DType::f64).to_vector<double>();
        CHECK(weights[0] == 0);
        CHECK(std::abs(std::log(weights[2] / weights[1]) - expected) < allowed);
      }
    }
  };
  check(1e4, 0.1, DType::f32);
  check(1e8, 2e-6, DType::f64);
}

TEST_CASE("near twins are told apart in f32 at late times") {
  for (const std::int64_t elements : {1, 64}) {
    CAPTURE(elements);
    const Tensor points = random_normal(1, Shape{20, elements});
    const Tensor moved = points + random_normal(2, Shape{20, elements}) * (1e-3 / std::sqrt(elements));
    const Tensor data = cast(concatenate({points, moved}, 0), DType::f32);
    const Tensor t = shared_time(0.999, DType::f32);
    const Tensor x =
        t * slice(data, 0, 0, 20) + cast(random_normal(3, Shape{20, elements}) * 1e-3, DType::f32);
    // The formula in f64, by differences.
    const Tensor z = cast(data, DType::f64), at = cast(x, DType::f64), time = cast(t, DType::f64);
    const Tensor d = insert_axes(at, {-2}) - time * z;
    const Tensor w = softmax(sum(square(d), {-1}) / (square(1 - time) * -2));
    const Tensor expected = velocity_from_mean(linear_path(), matmul(w, z), at, time);
    for (const Tensor& v :
         {EmpiricalField(data).velocity(x, t), PairedField(zeros_like(data), data, 1).velocity(x, t)})
      CHECK(largest(cast(v, DType::f64) - expected) < 2e-4 * largest(expected));
  }
}

TEST_CASE("derivatives of fields of f32 tell near twins apart at late times") {
  for (const double late : {.9, .99, .999})
    for (const std::int64_t elements : {1, 8, 64}) {
      CAPTURE(late);
      CAPTURE(elements);
      const Shape shape{20, elements};
      const Tensor points = random_normal(1, shape);
      const Tensor moved = points + random_normal(2, shape) * (1e-3 / std::sqrt(elements));
      const Tensor data = cast(concatenate({points, moved}, 0), DType::f32).detach();
      const Tensor t = shared_time(late, DType::f32), along = random_normal(4, shape);
      const Tensor x =
          (t * slice(data, 0, 0, 20) + cast(random_normal(3, shape) * (1 - late), DType::f32)).detach();
      // The formula in f64, by differences.
      const Tensor z = cast(data, DType::f64), at = cast(x, DType::f64), time = cast(t, DType::f64);
      const Field exact = [&](const Tensor& y) {
        const Tensor d = insert_axes(y, {-2}) - time * z;
        const Tensor w = softmax(sum(square(d), {-1}) / (square(1 - time) * -2));
        return velocity_from_mean(linear_path(), matmul(w, z), y, time);
      };
      const auto close = [](const Tensor& found, const Tensor& expected) {
        CHECK(found.dtype() == DType::f32);
        CHECK(largest(cast(found, DType::f64) - expected) < 1e-6 * largest(expected));
      };
      const EmpiricalField empirical(data);
      const PairedField paired(zeros_like(data), data, 1);
      for (const Field& v : {Field([&](const Tensor& y) { return empirical.velocity(y, t); }),
                             Field([&](const Tensor& y) { return paired.velocity(y, t); })}) {
        close(v(x), exact(at));
        close(jvp(v, x, cast(along, DType::f32)).tangent,
              jvp(exact, at, cast(cast(along, DType::f32), DType::f64)).tangent);
        close(vjp(v, x, cast(along, DType::f32)).cotangent,
              vjp(exact, at, cast(cast(along, DType::f32), DType::f64)).cotangent);
        close(sample_jacobian(v, x), sample_jacobian(exact, at));
        close(divergence(v, x), divergence(exact, at));
      }
      close(empirical.posterior_covariance(x, t), EmpiricalField(z).posterior_covariance(at, time));
    }
}

TEST_CASE("many points take memory for their weights, not for their differences from every sample") {
  const Tensor data = random_normal(1, Shape{10000, 32});
  const Tensor x = random_normal(2, Shape{64, 32});
  const Tensor t = shared_time(0.6, DType::f64);
  const EmpiricalField field(data);
  const PairedField pairs(zeros_like(data), data, 1);
  const auto peak = [](const Tensor& y) { return make_plan(std::span(&y, 1)).plan->peak_bytes(); };
  const std::size_t weights = 64 * 10000 * sizeof(double);  // the differences are 32 times as much
  CHECK(peak(field.velocity(x, t)) < 6 * weights);
  CHECK(peak(field.posterior_trace(x, t)) < 6 * weights);
  CHECK(peak(pairs.velocity(x, t)) < 6 * weights);
  const Tensor covariance = field.posterior_covariance(x, t);
  CHECK(peak(covariance) < 6 * weights + (std::size_t{3} << 26));  // blocks of 2^23 elements
  // sum w z z^T - m m^T.
  const Tensor w = field.weights(x, t), m = insert_axes(matmul(w, data), {-2});
  const Tensor moment = matmul(transpose(insert_axes(w, {-1}) * data), data);
  CHECK(largest(covariance - (moment - transpose(m) * m)) < 1e-12);
  CHECK(largest(field.posterior_trace(x, t) - sum(covariance * identity(32, DType::f64), {-2, -1})) < 1e-12);
}

TEST_CASE("times may differ from sample to sample") {
  const EmpiricalField field(random_normal(1, Shape{9, 4}));
  const Tensor x = random_normal(2, Shape{3, 4});
  const std::vector<double> times{0.2, 0.5, 0.8};
  const Tensor together = field.velocity(x, tensor(times, Shape{3, 1}));
  for (std::int64_t b = 0; b < 3; ++b) {
    const Tensor alone = field.velocity(x({range(b, b + 1)}), shared_time(times[b], DType::f64));
    CHECK(largest(together({range(b, b + 1)}) - alone) < 1e-14);
  }
}

TEST_CASE("the effective sample size goes from all points to one") {
  const EmpiricalField field(random_normal(1, Shape{50, 6}));
  const Tensor x = random_normal(2, Shape{3, 6});
  const Tensor early = field.effective_sample_size(x, shared_time(1e-3, DType::f64));
  const Tensor late = field.effective_sample_size(x, shared_time(0.999, DType::f64));
  CHECK(reduce_min(early).item() > 49);
  CHECK(reduce_max(late).item() < 1.01);
}

TEST_CASE("a mixture of one Gaussian is the Gaussian") {
  const Tensor mean = random_normal(3, Shape{4});
  const Tensor variances = uniform(random_key(4), Shape{4}, DType::f64) + 0.1;
  const Tensor x = random_normal(5, Shape{3, 4});
  for (int which = 0; which < 2; ++which) {
    const AffinePath& path = path_number(which);
    const GaussianField gaussian(mean, variances, std::nullopt, path);
    const GaussianMixtureField mixture(ones(Shape{1}, DType::f64), insert_axes(mean, {-2}),
                                       insert_axes(variances, {-2}), path);
    for (const double time : {0.1, 0.5, 0.9}) {
      const Tensor t = shared_time(time, DType::f64);
      CHECK(largest(gaussian.velocity(x, t) - mixture.velocity(x, t)) < 1e-13);
      CHECK(largest(gaussian.posterior_mean(x, t) - mixture.posterior_mean(x, t)) < 1e-13);
      CHECK(largest(gaussian.posterior_covariance(t) - mixture.posterior_covariance(x, t)) < 1e-13);
    }
  }
}

TEST_CASE("a mixture of narrow Gaussians is the empirical field of their means") {
  const Tensor means = random_normal(6, Shape{5, 3});
  const GaussianMixtureField mixture(full(Shape{5}, 0.2, DType::f64), means,
                                     full(Shape{5, 3}, 1e-10, DType::f64));
  const EmpiricalField empirical(means);
  const Tensor x = random_normal(7, Shape{4, 3});
  const Tensor t = shared_time(0.5, DType::f64);
  CHECK(largest(mixture.responsibilities(x, t) - empirical.weights(x, t)) < 1e-7);
  CHECK(largest(mixture.velocity(x, t) - empirical.velocity(x, t)) < 1e-7);
  CHECK(largest(mixture.posterior_covariance(x, t) - empirical.posterior_covariance(x, t)) < 1e-7);
}

TEST_CASE("the Gaussian flow map starts at the identity, composes, and moves with the velocity") {
  const std::int64_t n = 4;
  const Tensor basis = rotation(n);
  const GaussianField field(random_normal(1, Shape{n}), uniform(random_key(2), Shape{n}, DType::f64) + 0.05,
                            basis);
  const Tensor x = random_normal(3, Shape{3, n});
  const auto time = [](double t) { return shared_time(t, DType::f64); };
  CHECK(largest(field.flow_map(x, time(0.3), time(0.3)) - x) < 1e-14);
  const Tensor half = field.flow_map(x, time(0.1), time(0.5));
  CHECK(largest(field.flow_map(half, time(0.5), time(0.9)) - field.flow_map(x, time(0.1), time(0.9))) <
        1e-13);
  const Tensor r = time(0.4);
  const Tensor rate =
      jvp([&](const Tensor& to) { return field.flow_map(x, time(0.1), to); }, r, ones_like(r)).tangent;
  CHECK(largest(rate - field.velocity(field.flow_map(x, time(0.1), r), r)) < 1e-13);
  // A covariance that is not diagonal.
  CHECK(largest(field.posterior_covariance(r) * (1 - identity(n, DType::f64))) > 1e-3);
}

TEST_CASE("a preconditioned field without a network is the exact Gaussian field") {
  const Tensor mean = random_normal(8, Shape{5});
  const Tensor variance = uniform(random_key(9), Shape{5}, DType::f64) * 2 + 0.01;
  const GaussianField gaussian(mean, variance);
  const PreconditionedField field(
      mean, variance, [](const Tensor& z, const Tensor&, const Tensor&) { return zeros_like(z); });
  const Tensor x = random_normal(10, Shape{6, 5});
  for (const double time : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    const Tensor t = shared_time(time, DType::f64);
    CHECK(largest(field.velocity(x, t) - gaussian.velocity(x, t)) < 1e-12);
    // No 0/0 where both times agree.
    CHECK(largest(field.average_velocity(x, t, t) - gaussian.velocity(x, t)) < 1e-12);
    const Tensor r = shared_time(0.9 - 0.7 * time, DType::f64);
    CHECK(largest(field.average_velocity(x, t, r) - gaussian.average_velocity(x, t, r)) < 1e-12);
  }
}

TEST_CASE("the network of a preconditioned field sees inputs of unit size and both times") {
  const Tensor mean = random_normal(8, Shape{3});
  const Tensor variance = full(Shape{3}, 0.25, DType::f64);
  const PreconditionedField field(mean, variance, [](const Tensor& z, const Tensor& t, const Tensor& gap) {
    CHECK(t.shape() == Shape{1, 1});
    CHECK(gap.shape() == Shape{1, 1});
    return z * (t + gap * 10);
  });
  const Tensor x1 = mean + random_normal(1, Shape{4, 3}) * 0.5;
  const Tensor t = shared_time(1, DType::f64);
  // At t = 1, D_t = l: the output is scaled back to the size of the data.
  const PreconditionedField silent(
      mean, variance, [](const Tensor& z, const Tensor&, const Tensor&) { return zeros_like(z); });
  CHECK(largest(field.velocity(x1, t) - silent.velocity(x1, t) - (x1 - mean) / 0.5) < 1e-13);
  const Tensor r = shared_time(0.5, DType::f64);
  CHECK(largest(field.average_velocity(x1, t, r) - silent.average_velocity(x1, t, r) +
                (x1 - mean) / 0.5 * 4) < 1e-12);
}

TEST_CASE("elements without variance go straight to their mean, at the end too") {
  const Tensor mean = tensor<double>({0.3, -0.2}, Shape{2});
  const Tensor variance = tensor<double>({0, 0.5}, Shape{2});
  const PreconditionedField field(mean, variance,
                                  [](const Tensor& z, const Tensor&, const Tensor&) { return cos(z); });
  const auto time = [](double t) { return shared_time(t, DType::f64); };
  const Tensor x = tensor<double>({0.7, 0.1}, Shape{1, 2});
  for (const double t : {0.0, 0.4, 0.9})
    for (const double r : {0.0, 0.4, 0.9, 1.0}) {
      CAPTURE(t);
      CAPTURE(r);
      // x_r = r mu + (1 - r) (x - t mu) / (1 - t), whose rate does not depend on r.
      CHECK(field.average_velocity(x, time(t), time(r)).to_vector<double>()[0] ==
            doctest::Approx((0.3 - 0.7) / (1 - t)).epsilon(1e-14));
    }
  // At the data the mean over the noise, and derivatives of both modes and in all arguments are finite.
  CHECK(field.velocity(x, time(1)).to_vector<double>()[0] == 0.3);
  CHECK(field.average_velocity(x, time(1), time(1)).to_vector<double>()[0] == 0.3);
  for (const double t : {0.4, 1.0})
    for (const Tensor& along : gradients(sum(field.average_velocity(x, time(t), time(1))), {x})) {
      CHECK(std::isfinite(sum(along).item()));
    }
  for (const double t : {0.4, 1.0})
    for (const double r : {0.7, 1.0}) {
      const auto by = [&](int which) {
        const Tensor at = time(which == 0 ? t : r);
        const auto f = [&](const Tensor& v) {
          return which == 0 ? field.average_velocity(x, v, time(r)) : field.average_velocity(x, time(t), v);
        };
        CHECK(std::isfinite(sum(jvp(f, at, ones_like(at)).tangent).item()));
        CHECK(std::isfinite(grad([&](const Tensor& v) { return sum(f(v)); }, at).item()));
      };
      by(0);
      by(1);
    }
}

TEST_CASE("variances and weights of mixtures are not negative") {
  const auto of = [](double a, double b) { return tensor<double>({a, b}, Shape{2}); };
  const Tensor mean = of(0, 0);
  CHECK_THROWS_WITH_AS(GaussianField(mean, of(1, -1)), doctest::Contains("gaussian_field: a variance is -1"),
                       Error);
  CHECK_THROWS_WITH_AS(GaussianField(mean, of(1, NAN)), doctest::Contains("a variance is nan"), Error);
  CHECK_THROWS_WITH_AS(PreconditionedField(mean, of(-1e-3, 1), nullptr),
                       doctest::Contains("preconditioned_field: a variance is -0.001"), Error);
  const Tensor means = zeros(Shape{2, 1}, DType::f64), variances = ones_like(means);
  CHECK_THROWS_WITH_AS(GaussianMixtureField(of(-1, 2), means, variances),
                       doctest::Contains("gaussian_mixture_field: a weight is -1"), Error);
  CHECK_THROWS_WITH_AS(GaussianMixtureField(of(INFINITY, 2), means, variances),
                       doctest::Contains("a weight is inf"), Error);
  CHECK_THROWS_WITH_AS(GaussianMixtureField(of(1, 2), means, -variances),
                       doctest::Contains("a variance is -1"), Error);
  // A variable has no value that could be looked at.
  const Tensor x = ones(Shape{1, 2}, DType::f64), t = shared_time(0.5, DType::f64);
  const Tensor slope =
      grad([&](const Tensor& l) { return sum(GaussianField(mean, l).velocity(x, t)); }, of(0.5, 2));
  // v = (t l - (1 - t)) / ((1-t)^2 + t^2 l) at t = 1/2, with derivative 4 / (1 + l)^2 by l.
  CHECK(slope.to_vector<double>()[0] == doctest::Approx(4 / 2.25).epsilon(1e-13));
}

TEST_CASE("closed-form fields refuse shapes that do not fit") {
  CHECK_THROWS_WITH_AS(EmpiricalField(zeros(Shape{0, 3})), doctest::Contains("not empty"), Error);
  CHECK_THROWS_WITH_AS(EmpiricalField(zeros(Shape{4, 3}, DType::i32)), doctest::Contains("[4, 3] i32"),
                       Error);
  const EmpiricalField field(zeros(Shape{4, 3}));
  CHECK_THROWS_WITH_AS(field.velocity(zeros(Shape{2, 2}), shared_time(0.5, DType::f32)),
                       doctest::Contains("x [2, 2] f32 must be [B, 3] f32"), Error);
  CHECK_THROWS_WITH_AS(field.velocity(zeros(Shape{2, 3}, DType::f64), shared_time(0.5, DType::f64)),
                       doctest::Contains("x [2, 3] f64 must be [B, 3] f32"), Error);
  CHECK_THROWS_WITH_AS(GaussianField(zeros(Shape{3}), zeros(Shape{2})),
                       doctest::Contains("[D], [D] and [D, D]"), Error);
  CHECK_THROWS_WITH_AS(GaussianMixtureField(zeros(Shape{2}), zeros(Shape{3, 1}), zeros(Shape{3, 1})),
                       doctest::Contains("[C], [C, D] and [C, D]"), Error);
  CHECK_THROWS_WITH_AS(PreconditionedField(zeros(Shape{3}), zeros(Shape{1, 3}), nullptr),
                       doctest::Contains("must both be [D]"), Error);
}

}  // namespace nabla::flow
