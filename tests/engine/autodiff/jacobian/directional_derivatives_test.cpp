#include "engine/autodiff/jacobian/directional_derivatives.h"

#include <cmath>

#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

// The n-th derivative of h -> v(x + h d) at 0 by central differences of order 4 of the derivative before.
Tensor difference(const Field& v, const Tensor& x, const Tensor& d, int n) {
  if (n == 0) return v(x);
  const double h = 2e-3;
  const auto before = [&](double by) { return difference(v, x + d * by, d, n - 1); };
  return ((before(h) - before(-h)) * 8 - (before(2 * h) - before(-2 * h))) / (12 * h);
}

}  // namespace

TEST_CASE("derivatives along a direction of functions whose derivatives are known") {
  const Tensor x = random_normal({5, 3}, 1), d = random_normal({5, 3}, 2);
  const std::vector<Tensor> of_exp =
      directional_derivatives([](const Tensor& at) { return exp(at); }, x, d, 4);
  REQUIRE(of_exp.size() == 5);
  for (int n = 0; n <= 4; ++n) CHECK(distance(of_exp[n], exp(x) * pow(abs(d), n) * pow(sign(d), n)) < 1e-12);
  // |x|^4 = (x.x)^2 along d: with a = x.x, b = x.d, c = d.d: 4ab, 8b^2 + 4ac, 24bc, 24c^2, 0.
  const auto dot = [](const Tensor& a, const Tensor& b) { return sum(a * b, {-1}); };
  const std::vector<Tensor> quartic =
      directional_derivatives([&](const Tensor& at) { return square(dot(at, at)); }, x, d, 5);
  const Tensor a = dot(x, x), b = dot(x, d), c = dot(d, d);
  const std::vector<Tensor> expected{square(a),  a * b * 4,      square(b) * 8 + a * c * 4,
                                     b * c * 24, square(c) * 24, zeros_like(a)};
  for (std::size_t n = 0; n <= 5; ++n) CHECK(distance(quartic[n], expected[n]) < 1e-11);
  // A constant, and a linear map.
  CHECK(distance(directional_derivatives([](const Tensor&) { return ones({7}, DType::f64); }, x, d, 2)[2],
                 zeros({7}, DType::f64)) == 0);
  CHECK(distance(directional_derivatives([](const Tensor& at) { return at * 3; }, x, d, 2)[1], d * 3) <
        1e-15);
}

TEST_CASE("three derivatives of a network against differences, along several directions at once") {
  const Tensor w1 = random_normal({4, 8}, 1) * 0.5, w2 = random_normal({8, 4}, 2) * 0.5;
  const Field v = [&](const Tensor& at) {
    const Tensor h = silu(matmul(at, w1));
    const Tensor normed = (h - mean(h, {-1}, true)) * rsqrt(var(h, {-1}, true) + 1e-2);
    return softmax(matmul(normed, w2)) * at + nabla::tanh(at);
  };
  const Tensor x = random_normal({6, 4}, 3), d = random_normal({2, 3, 6, 4}, 4) * 0.3;
  const std::vector<Tensor> found = directional_derivatives(v, x, d, 3);
  CHECK(found[0].shape() == Shape{6, 4});
  for (int n = 1; n <= 3; ++n) {
    const Tensor& result = found[n];
    REQUIRE(result.shape() == Shape{2, 3, 6, 4});
    for (int i = 0; i < 6; ++i) {
      const Tensor one = d[i / 3][i % 3];
      CHECK(distance(result[i / 3][i % 3], difference(v, x, one, n)) < 1e-9 * std::pow(20, n - 1));
    }
  }
  // A direction that all samples share.
  const Tensor shared = random_normal({1, 4}, 5);
  CHECK(distance(directional_derivatives(v, x, shared, 3)[3],
                 directional_derivatives(v, x, broadcast_to(shared, {6, 4}), 3)[3]) < 1e-13);
  // The same inside compile, and its gradient by x.
  const auto compiled = compile(
      [&](const Tensor& at, const Tensor& along) { return directional_derivatives(v, at, along, 3)[3]; });
  CHECK(distance(compiled(x, d), found[3]) < 1e-10);
  const Tensor along = d[0][0];
  const auto total = [&](const Tensor& at) { return sum(directional_derivatives(v, at, along, 2)[2]); };
  CHECK(distance(sum(grad(total)(x) * along), sum(directional_derivatives(v, x, along, 3)[3])) < 1e-10);
}

TEST_CASE("an order more is a pass more, not twice as many") {
  const Tensor w = random_normal({4, 4}, 1), x = random_normal({6, 4}, 2), d = random_normal({6, 4}, 3);
  Field v = [&](const Tensor& at) {
    Tensor h = at;
    for (int layer = 0; layer < 3; ++layer) h = nabla::tanh(matmul(h, w));
    return h;
  };
  const auto products = [&](int order) {
    const std::string text = to_text(directional_derivatives(v, x, d, order)[order]);
    int count = 0;
    for (std::size_t at = text.find("contraction"); at != std::string::npos;
         at = text.find("contraction", at + 1))
      ++count;
    return count;
  };
  CHECK(products(1) == 6);
  // The last order of a chain needs no product of its own before its first activation.
  CHECK(products(2) == 8);
  CHECK(products(3) == 10);
}

TEST_CASE("directional derivatives refuse what does not fit") {
  const Field v = [](const Tensor& at) { return at; };
  const Tensor x = ones({2, 3});
  CHECK_THROWS_WITH_AS(directional_derivatives(v, x, x, 0), doctest::Contains("order 0"), Error);
  CHECK_THROWS_WITH_AS(directional_derivatives(v, x, ones({3, 3}), 1), doctest::Contains("[3, 3]"), Error);
  CHECK_THROWS_WITH_AS(directional_derivatives(v, x, ones({2, 3}, DType::f64), 1), doctest::Contains("f64"),
                       Error);
  CHECK_THROWS_WITH_AS(directional_derivatives(v, ones({2}, DType::i32), ones({2}, DType::i32), 1),
                       doctest::Contains("i32"), Error);
  CHECK_THROWS_WITH_AS(directional_derivatives([](const Tensor& at) { return greater(at, 0); }, x, x, 1),
                       doctest::Contains("carries no derivative"), Error);
}

}  // namespace nabla::test
