#include "uncertainty/intrinsic_dimension.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "engine/engine.h"
#include "flow/flow.h"
#include "tests/uncertainty/oracles.h"

namespace nabla::uncertainty {
namespace {

using namespace test;

// The exact field of the uniform law on a unit sphere of dimension 2, laid into D dimensions by an isometry
// [3, D]. Given x_t its point is von Mises and Fisher distributed about the direction of x_t with
// concentration c = a |x_t| / s^2, of mean coth(c) - 1/c.
flow::TimedField sphere_field(const Tensor& isometry, const flow::AffinePath& path) {
  return [isometry, path](const Tensor& x, const Tensor& t) {
    const Tensor inside = matmul(x, transpose(isometry));
    const Tensor radius = norm(inside, {1}, true);
    const Tensor concentration = path.a(t) * radius / square(path.s(t));
    const Tensor length = reciprocal(tanh(concentration)) - reciprocal(concentration);
    return flow::velocity_from_mean(path, matmul(length * inside / radius, isometry), x, t);
  };
}

// Uniform directions of d + 1 dimensions.
Tensor sphere_points(std::uint64_t seed, std::int64_t count, std::int64_t d) {
  const Tensor z = random_normal(seed, Shape{count, d + 1});
  return z / norm(z, {1}, true);
}

// A sheet of width 2 rolled up to the radius 1.4, its turns .63 apart: [count, 3].
Tensor swiss_roll(std::uint64_t seed, std::int64_t count) {
  const Tensor u = uniform(random_key(seed), Shape{count, 2}, DType::f64);
  // The square root of a uniform number fills the roll evenly.
  const Tensor angle = 3.141592653589793 * sqrt(2.25 + 18 * u({all, range(0, 1)}));
  return concatenate({.1 * angle * cos(angle), 2 * u({all, range(1, 2)}) - 1, .1 * angle * sin(angle)}, 1);
}

Posterior at_level(const flow::TimedField& v, const flow::AffinePath& path, const Tensor& x1, double time) {
  const Tensor t = time_of(time);
  return posterior(v, path, flow::interpolate(path, random_normal(5, x1.shape()), x1, t).x.detach(), t);
}

}  // namespace

TEST_CASE("a sphere of dimension 2 in ten dimensions has dimension 2, on every path") {
  const Tensor isometry = reflection(1, 10)({range(0, 3)});
  const Tensor x1 = matmul(sphere_points(2, 50, 2), isometry);
  for (const flow::AffinePath& path : paths())
    for (const double time : {.9, .95, .98}) {
      CAPTURE(path.name);
      CAPTURE(time);
      const Posterior p = at_level(sphere_field(isometry, path), path, x1, time);
      const IntrinsicDimension found = intrinsic_dimension(p);
      const double level = path.s(time_of(time)).item() / path.a(time_of(time)).item();
      if (level < .2) CHECK(found.rank.to_vector<double>() == std::vector<double>(50, 2));
      // Noise across the sphere, of the size of the level, changes its radius; so do terms of level^2.
      CHECK(std::abs(mean(found.trace).item() - 2) < 2 * (4 * level / std::sqrt(50) + 3 * level * level));
    }
}

TEST_CASE("spheres of other dimensions, known by points") {
  for (const std::int64_t d : {1, 3}) {
    CAPTURE(d);
    const Tensor isometry = reflection(1, 8)({range(0, d + 1)});
    const flow::EmpiricalField field(matmul(sphere_points(3, 4000, d), isometry));
    const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
    const Tensor x1 = matmul(sphere_points(4, 40, d), isometry);
    const IntrinsicDimension found = intrinsic_dimension(at_level(v, flow::linear_path(), x1, .83));
    CHECK(mean(found.rank).item() == doctest::Approx(static_cast<double>(d)).epsilon(.08));
    CHECK(mean(found.trace).item() == doctest::Approx(static_cast<double>(d)).epsilon(.12));
    // Closer than the points lie, each is alone.
    const IntrinsicDimension alone = intrinsic_dimension(at_level(v, flow::linear_path(), x1, .9999));
    CHECK(mean(alone.trace).item() < .5 * static_cast<double>(d));
  }
}

TEST_CASE("a Swiss roll has dimension 2") {
  const flow::EmpiricalField field(swiss_roll(1, 4000));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x1 = swiss_roll(2, 60);
  const IntrinsicDimension found = intrinsic_dimension(at_level(v, flow::linear_path(), x1, .92));
  CHECK(mean(found.rank).item() == doctest::Approx(2).epsilon(.08));
  CHECK(mean(found.trace).item() == doctest::Approx(2).epsilon(.12));
}

TEST_CASE("the trace is t (D + (1-t) div v) on the linear path") {
  const flow::EmpiricalField field(random_normal(1, Shape{50, 5}));
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return field.velocity(x, t); };
  const Tensor x = random_normal(2, Shape{3, 5}), t = time_of(.4);
  const Tensor expected = .4 * (5 + .6 * divergence([&](const Tensor& at) { return v(at, t); }, x));
  CHECK(largest(intrinsic_dimension(posterior(v, flow::linear_path(), x, t)).trace - expected) < 1e-13);
}

TEST_CASE("thresholds outside of (0, 1) are refused") {
  const flow::TimedField v = [](const Tensor& x, const Tensor&) { return -x; };
  const Posterior p = posterior(v, flow::linear_path(), zeros(Shape{1, 2}, DType::f64), time_of(.5));
  for (const double threshold : {0., 1., std::nan("")})
    CHECK_THROWS_WITH_AS(intrinsic_dimension(p, threshold), doctest::Contains("must lie between 0"), Error);
}

}  // namespace nabla::uncertainty
