#include "flow/paired_field.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "flow/empirical_field.h"
#include "flow/field.h"
#include "tests/flow/numbers.h"

namespace nabla::flow {
namespace {}  // namespace

TEST_CASE("pairs without noise and a blur of 1 are the empirical field") {
  const Tensor data = random_normal(1, Shape{9, 3}) + 1;
  const Tensor x = random_normal(2, Shape{4, 3});
  for (const AffinePath& path : {linear_path(), trigonometric_path()}) {
    const PairedField pairs(zeros_like(data), data, 1, path);
    const EmpiricalField field(data, path);
    for (const double time : {.1, .5, .8}) {
      const Tensor t = shared_time(time, DType::f64);
      CHECK(largest(pairs.weights(x, t) - field.weights(x, t)) < 1e-13);
      CHECK(largest(pairs.velocity(x, t) - field.velocity(x, t)) < 1e-12);
      CHECK(largest(pairs.posterior_covariance(x, t) - field.posterior_covariance(x, t)) < 1e-13);
    }
  }
}

TEST_CASE("the weights of pairs are those of their places, and the Jacobian is the covariance with them") {
  const Tensor x0 = random_normal(1, Shape{8, 3}), x1 = random_normal(2, Shape{8, 3}) - x0;
  const Tensor x = random_normal(3, Shape{2, 3});
  const double blur = 0.7;
  for (const AffinePath& path : {linear_path(), trigonometric_path()}) {
    const PairedField field(x0, x1, blur, path);
    const Tensor t = tensor<double>({.3, .6}, Shape{2, 1});
    const Tensor a = path.a(t), s = path.s(t);
    const Tensor places = insert_axes(a, {-1}) * x1 + insert_axes(s, {-1}) * x0;  // [B, n, D]
    const Tensor distance = sum(square(insert_axes(x, {-2}) - places), {-1});
    const Tensor w = softmax(-distance / (2 * square(s * blur)));
    CHECK(largest(field.weights(x, t) - w) < 1e-13);
    const Tensor m = matmul(w, x1);
    CHECK(largest(field.posterior_mean(x, t) - m) < 1e-13);
    // E[a' x1 + s' x0 | x_t]: the noise of a pair at x is (x - a x1_i) / s.
    const Tensor v = path.a_rate(t) * m + path.s_rate(t) * (x - a * m) / s;
    CHECK(largest(field.velocity(x, t) - v) < 1e-12);
    const Tensor d = insert_axes(w, {-1}) * (x1 - insert_axes(m, {-2}));
    CHECK(largest(field.posterior_covariance(x, t) - matmul(transpose(d), x1 - insert_axes(m, {-2}))) <
          1e-13);
    const Tensor slope = sample_jacobian([&](const Tensor& at) { return field.posterior_mean(at, t); }, x);
    CHECK(largest(slope - matmul(transpose(d), places) / insert_axes(square(s * blur), {-1})) < 1e-12);
  }
}

TEST_CASE("pairs that do not fit are refused") {
  CHECK_THROWS_WITH_AS(PairedField(zeros(Shape{3, 2}), zeros(Shape{2, 2}), 1),
                       doctest::Contains("noise [3, 2] f32 and data [2, 2] f32 must be [n, D]"), Error);
  CHECK_THROWS_WITH_AS(PairedField(zeros(Shape{3, 2}), zeros(Shape{3, 2}), 0),
                       doctest::Contains("the blur 0"), Error);
  const PairedField field(zeros(Shape{3, 2}), ones(Shape{3, 2}), 1);
  CHECK_THROWS_WITH_AS(field.weights(zeros(Shape{1, 3}), shared_time(.5, DType::f32)),
                       doctest::Contains("must be [B, 2]"), Error);
}

}  // namespace nabla::flow
