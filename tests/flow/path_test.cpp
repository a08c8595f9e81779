#include "flow/path.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "engine/engine.h"
#include "flow/cfm_loss.h"
#include "flow/field.h"
#include "flow/times.h"
#include "tests/flow/numbers.h"

namespace nabla::flow {
namespace {}  // namespace

TEST_CASE("paths run from noise to data, and their rates are what the engine derives") {
  for (const AffinePath& path : {linear_path(), trigonometric_path()}) {
    CAPTURE(path.name);
    const Tensor ends = tensor<double>({0, 1}, Shape{2});
    CHECK(largest(path.a(ends) - tensor<double>({0, 1}, Shape{2})) < 1e-15);
    CHECK(largest(path.s(ends) - tensor<double>({1, 0}, Shape{2})) < 1e-15);
    const Tensor t = uniform(random_key(3), Shape{5, 1}, DType::f64);
    const AffinePath derived = make_path("derived", path.a, path.s);
    CHECK(largest(derived.a_rate(t) - path.a_rate(t)) < 1e-15);
    CHECK(largest(derived.s_rate(t) - path.s_rate(t)) < 1e-15);
    CHECK(largest(derived.wronskian(t) - path.wronskian(t)) < 1e-15);
  }
  const Tensor t = uniform(random_key(3), Shape{5, 1}, DType::f64);
  CHECK(largest(linear_path().wronskian(t) - 1) < 1e-15);
  CHECK(largest(trigonometric_path().wronskian(t) - std::numbers::pi / 2) < 1e-15);
}

TEST_CASE("a path that does not lead from noise to data is refused") {
  const AffinePath linear = linear_path();
  const auto half = [](const Tensor& t) { return 0.5 + 0.5 * t; };
  CHECK_THROWS_WITH_AS(make_path("half", half, linear.s),
                       doctest::Contains("a of the path 'half' is 0.5 at t = 0 and 1 at t = 1"), Error);
  CHECK_THROWS_WITH_AS(make_path("half", linear.a, half), doctest::Contains("s of the path 'half'"), Error);
  CHECK_THROWS_AS(make_path("none", linear.a, [](const Tensor& t) { return log(t); }), Error);
  CHECK(make_path("noisy", linear.a, [](const Tensor& t) { return 1 - (1 - 1e-4) * t; }).name == "noisy");
}

TEST_CASE("interpolation gives the point and the velocity of a conditional path") {
  const Tensor x0 = normal(random_key(1), Shape{3, 2, 4}, DType::f64);
  const Tensor x1 = normal(random_key(2), Shape{3, 2, 4}, DType::f64);
  const Tensor t = tensor<double>({0.1, 0.5, 0.9}, Shape{3, 1});
  const PathPoint point = interpolate(linear_path(), x0, x1, t);
  const Tensor time = reshape(t, Shape{3, 1, 1});
  CHECK(largest(point.x - (time * x1 + (1 - time) * x0)) < 1e-15);
  CHECK(largest(point.velocity - (x1 - x0)) < 1e-15);
  // A shared time broadcasts.
  const PathPoint shared = interpolate(trigonometric_path(), x0, x1, shared_time(0.5, DType::f64));
  CHECK(largest(shared.x - (x0 + x1) * std::numbers::sqrt2 / 2) < 1e-15);
  CHECK(largest(shared.velocity - (x1 - x0) * (std::numbers::pi * std::numbers::sqrt2 / 4)) < 1e-15);
}

TEST_CASE("times that do not fit are refused") {
  const Tensor x = zeros(Shape{3, 2}, DType::f64);
  CHECK_THROWS_WITH_AS(interpolate(linear_path(), x, x, zeros(Shape{3}, DType::f64)),
                       doctest::Contains("times [3] for samples [3, 2] must be [3, 1] or [1, 1]"), Error);
  CHECK_THROWS_WITH_AS(interpolate(linear_path(), x, x, zeros(Shape{2, 1}, DType::f64)),
                       doctest::Contains("must be [3, 1] or [1, 1]"), Error);
  CHECK_THROWS_WITH_AS(interpolate(linear_path(), x, x, zeros(Shape{3, 1})), doctest::Contains("cast one"),
                       Error);
  CHECK_THROWS_WITH_AS(
      interpolate(linear_path(), zeros(Shape{2, 2}, DType::f64), x, shared_time(0.5, DType::f64)),
      doctest::Contains("noise [2, 2] and data [3, 2]"), Error);
  CHECK_THROWS_AS(shared_time(0.5, DType::i32), Error);
}

TEST_CASE("the loss is the mean squared length of the error of the velocity") {
  const Tensor x0 = tensor<double>({1, 2, 3, 4}, Shape{2, 2});
  const Tensor x1 = tensor<double>({2, 4, 6, 8}, Shape{2, 2});
  const TimedField zero = [](const Tensor& x, const Tensor&) { return zeros_like(x); };
  CHECK(cfm_loss(zero, linear_path(), {x0, x1}, shared_time(0.5, DType::f64)).item() ==
        (1 + 4 + 9 + 16) / 2.0);
  const TimedField narrow = [](const Tensor& x, const Tensor&) { return slice(x, 1, 0, 1); };
  CHECK_THROWS_WITH_AS(cfm_loss(narrow, linear_path(), {x0, x1}, shared_time(0.5, DType::f64)),
                       doctest::Contains("maps [2, 2] to [2, 1]"), Error);
}

TEST_CASE("random times have the distribution they are named after") {
  constexpr std::int64_t kCount = 4000;
  const Tensor key = random_key(7);
  const Tensor plain = uniform_times(key, kCount, DType::f64);
  CHECK(plain.shape() == Shape{kCount, 1});
  CHECK(mean(plain).item() == doctest::Approx(0.5).epsilon(0.05));
  const std::vector<double> strata = stratified_times(key, kCount, DType::f64).to_vector<double>();
  for (std::size_t i = 0; i < strata.size(); ++i)
    CHECK(std::floor(strata[i] * static_cast<double>(kCount)) == static_cast<double>(i));
  const Tensor t = logit_normal_times(key, kCount, 0.4, 1.5, DType::f64);
  const Tensor logit = log(t / (1 - t));
  CHECK(mean(logit).item() == doctest::Approx(0.4).epsilon(0.2));
  CHECK(std::sqrt(var(logit).item()) == doctest::Approx(1.5).epsilon(0.05));
  CHECK_THROWS_WITH_AS(logit_normal_times(key, 3, 0, 0), doctest::Contains("must be positive"), Error);
}

TEST_CASE("random times stay strictly between 0 and 1 where rounding would reach an end") {
  const auto stays_inside = [](const Tensor& t) {
    return reduce_min(t).item() > 0 && reduce_max(t).item() < 1 && reduce_min(1 - t).item() > 0;
  };
  // With this key the last stratum's (count - 1 + u) / count is 1 in f32.
  constexpr std::int64_t kCount = 1 << 16;
  const Tensor key = random_key(1);
  const Tensor u = uniform(key, Shape{kCount, 1});
  REQUIRE((u[-1].item() < 1 && ((u[-1] + (kCount - 1)) / kCount).item() == 1));
  CHECK(stays_inside(stratified_times(key, kCount)));
  // Logits of hundreds, of which the sigmoid is 0 or 1.
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor raw = sigmoid(normal(key, Shape{100, 1}, dtype) * 1000);
    REQUIRE((reduce_min(raw).item() == 0 && reduce_max(raw).item() == 1));
    CHECK(stays_inside(logit_normal_times(key, 100, 0, 1000, dtype)));
    CHECK(stays_inside(uniform_times(key, 100, dtype)));
  }
  const Tensor x = zeros(Shape{kCount, 1});
  CHECK(std::isfinite(largest(velocity_from_mean(linear_path(), x + 1, x, stratified_times(key, kCount)))));
}

TEST_CASE("the independent coupling draws standard noise from its key") {
  const Tensor x1 = zeros(Shape{400, 5}, DType::f64);
  const Pair pair = independent_coupling(random_key(1), x1);
  CHECK(same(pair.x1, x1));
  CHECK(std::abs(mean(pair.x0).item()) < 0.1);
  CHECK(var(pair.x0).item() == doctest::Approx(1).epsilon(0.1));
}

}  // namespace nabla::flow
