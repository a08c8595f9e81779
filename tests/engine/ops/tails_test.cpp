#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/engine.h"
#include "tests/engine/numbers.h"
#include "tests/engine/ops/tails_table.h"

// Relative accuracy where functions and derivatives become small: value, first and second derivative hold it
// down to subnormal numbers. What a rule takes from a rounded output (1 - y^2, y (1 - y)) is gone there.

namespace nabla::test {
namespace {

struct Accuracy {
  DType dtype;
  double relative;
  double smallest;  // normal number
  double subnormal;
  double largest;
};
template <class T>
Accuracy accuracy_of(DType dtype, double relative) {
  using Limits = std::numeric_limits<T>;
  return {dtype, relative, Limits::min(), Limits::denorm_min(), Limits::max()};
}
const Accuracy kAccuracies[] = {accuracy_of<float>(DType::f32, 2e-6), accuracy_of<double>(DType::f64, 1e-13)};

void check(const Accuracy& accuracy, const char* what, const std::vector<TailPoint>& points,
           const Tensor& found, double TailPoint::*expected) {
  const std::vector<double> results = values(found);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double right = points[i].*expected;
    if (std::abs(right) > accuracy.largest) continue;
    CAPTURE(what);
    CAPTURE(points[i].x);
    CAPTURE(results[i]);
    CAPTURE(right);
    // A subnormal factor is off by half of the distance between subnormal numbers, and x or x^2 multiplies
    // it.
    const double rounding =
        std::abs(right) < accuracy.smallest ? accuracy.subnormal * (2 + points[i].x * points[i].x / 2) : 0;
    CHECK(std::abs(results[i] - right) <= accuracy.relative * std::abs(right) + rounding);
  }
}

Tensor arguments(const std::vector<TailPoint>& points, DType dtype) {
  std::vector<double> x;
  for (const TailPoint& point : points) x.push_back(point.x);
  return cast(f64(x, {static_cast<std::int64_t>(x.size())}), dtype).detach();
}

template <class F>
void check_tails(const Accuracy& accuracy, const F& f, const std::vector<TailPoint>& points) {
  const auto first = [&](const Tensor& at) { return grad([&](const Tensor& v) { return sum(f(v)); })(at); };
  const auto pushed = [&](const Tensor& at) { return jvp(f, at, ones_like(at)).tangent; };
  const Tensor x = arguments(points, accuracy.dtype);
  check(accuracy, "value", points, f(x), &TailPoint::value);
  check(accuracy, "first derivative, backwards", points, first(x), &TailPoint::first);
  check(accuracy, "first derivative, forwards", points, pushed(x), &TailPoint::first);
  check(accuracy, "second derivative, backwards twice", points,
        grad([&](const Tensor& v) { return sum(first(v)); })(x), &TailPoint::second);
  check(accuracy, "second derivative, forwards twice", points, jvp(pushed, x, ones_like(x)).tangent,
        &TailPoint::second);
}

}  // namespace

TEST_CASE("value, first and second derivative keep their relative accuracy in the tails") {
  for (const Tail& tail : tails())
    for (const Accuracy& accuracy : kAccuracies) {
      CAPTURE(tail.name);
      CAPTURE(name_of(accuracy.dtype));
      check_tails(accuracy, tail.function, tail.points);
    }
}

TEST_CASE("logaddexp keeps the tails of softplus in either operand") {
  const auto softplus_points = std::ranges::find(tails(), std::string("softplus"), &Tail::name)->points;
  for (const Accuracy& accuracy : kAccuracies) {
    check_tails(
        accuracy, [](const Tensor& v) { return logaddexp(v, zeros_like(v)); }, softplus_points);
    check_tails(
        accuracy, [](const Tensor& v) { return logaddexp(zeros_like(v), v); }, softplus_points);
  }
}

TEST_CASE("the derivative of logsumexp is softmax, however large the elements are") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (double size = 1; size < 1e38; size *= 10)
      for (const int sign : {1, -1}) {
        CAPTURE(size);
        const Tensor x = full({1, 3}, sign * size, dtype) + cast(f64({0, 0, 2}, {1, 3}), dtype);
        const auto total = [](const Tensor& v) { return sum(logsumexp(v, {-1})); };
        const double rounding = dtype == DType::f32 ? 3e-7 : 1e-15;
        CHECK(distance(grad(total)(x), softmax(x)) <= rounding);
        const Tensor twin = full({1, 2}, sign * size, dtype);
        CHECK(values(grad(total)(twin)) == std::vector<double>{0.5, 0.5});
        const Tensor along = cast(f64({1, 0}, {1, 2}), dtype);
        CHECK(distance(hvp(total, twin, along), cast(f64({0.25, -0.25}, {1, 2}), dtype)) <= rounding);
        const double loss = cross_entropy(twin, i64({1}, {1})).item();
        CHECK(loss == doctest::Approx(std::log(2.0)).epsilon(dtype == DType::f32 ? 1e-7 : 1e-15).scale(0));
      }
}

TEST_CASE("a small cross_entropy keeps its digits, and so does its gradient") {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const double margin : {1.0, 17.0, 40.0, 80.0}) {
      CAPTURE(margin);
      const Tensor logits = cast(f64({0, margin, -margin}, {1, 3}), dtype).detach();
      const auto loss = [&](const Tensor& x) { return sum(cross_entropy(x, i64({1}, {1}))); };
      const double others = std::exp(-margin) + std::exp(-2 * margin);
      const double relative = dtype == DType::f32 ? 1e-6 : 1e-14;
      CHECK(loss(logits).item() == doctest::Approx(std::log1p(others)).epsilon(relative).scale(0));
      CHECK(grad(loss)(logits)[0][1].item() ==
            doctest::Approx(-others / (1 + others)).epsilon(relative).scale(0));
      CHECK(grad(loss)(logits)[0][0].item() ==
            doctest::Approx(std::exp(-margin) / (1 + others)).epsilon(relative).scale(0));
    }
}

}  // namespace nabla::test
