#include "engine/autodiff/custom_derivative.h"

#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

using Tensors = std::vector<Tensor>;
using Tangents = std::vector<std::optional<Tensor>>;

// Multiplies by a straight-through sign: the derivative of clamp instead of that of sign.
const CustomDerivative& straight_through() {
  static const CustomDerivative function(
      "straight_through", [](const Tensors& x) { return sign(x[0]); },
      [](const Tensors&, const Tensor&, const Tangents& dx) { return *dx[0]; },
      [](const Tensors&, const Tensor&, const Tensor& ct) { return Tangents{ct}; },
      CustomDerivative::Samples::independent);
  return function;
}

// a * b with rules spelled out; the second argument may be a symbolic zero.
const CustomDerivative& product() {
  static const CustomDerivative function(
      "product", [](const Tensors& x) { return x[0] * x[1]; },
      [](const Tensors& x, const Tensor&, const Tangents& dx) {
        if (!dx[1]) return *dx[0] * x[1];
        if (!dx[0]) return x[0] * *dx[1];
        return *dx[0] * x[1] + x[0] * *dx[1];
      },
      [](const Tensors& x, const Tensor&, const Tensor& ct) {
        return Tangents{ct * x[1], ct * x[0]};
      });
  return function;
}

}  // namespace

TEST_CASE("a custom derivative replaces the function's own in both modes") {
  const Tensor x = f64({-2, 0, 3}, {3});
  const Tensor y = straight_through()({x});
  CHECK(values(y) == std::vector<double>{-1, 0, 1});
  CHECK(values(grad([](const Tensor& v) { return sum(straight_through()({v})); }, x)) ==
        std::vector<double>{1, 1, 1});
  CHECK(values(jvp([](const Tensor& v) { return straight_through()({v}); }, x, x).tangent) ==
        std::vector<double>{-2, 0, 3});
}

TEST_CASE("a custom derivative of several inputs, active or not, to second order") {
  const Tensor a = f64({2, 3}, {2});
  const Tensor b = f64({5, 7}, {2});
  const Tensor y = product()({a, b});
  const Tensor one = ones_like(a);
  CHECK(values(*jvp(y, a, one)) == std::vector<double>{5, 7});
  CHECK(values(*jvp(y, b, one)) == std::vector<double>{2, 3});
  const Tensor mixed = jacobian(
      [&](const Tensor& v) {
        return grad([&](const Tensor& w) { return sum(product()({v, w})); }, b);
      },
      a);
  CHECK(values(mixed) == std::vector<double>{1, 0, 0, 1});
}

TEST_CASE("rules see many tangents at once, and vmap passes through") {
  const Tensor x = counting({4, 3}, 0.1);
  const auto f = [](const Tensor& v) { return product()({v, nabla::sin(v)}); };
  CHECK(distance(jacobian(f, x), jacobian([](const Tensor& v) { return v * nabla::sin(v); }, x)) < 1e-14);
  CHECK(distance(vmap(f, x), f(x)) == 0);
}

TEST_CASE("both rules are required, and what they return must fit") {
  const auto identity_function = [](const Tensors& x) { return x[0]; };
  CHECK(contains(error_of([&] { CustomDerivative("half", identity_function, nullptr, nullptr); }),
                 "half: a custom derivative needs a function and both rules"));
  const CustomDerivative wrong(
      "wrong", identity_function,
      [](const Tensors&, const Tensor&, const Tangents& dx) { return sum(*dx[0]); },
      [](const Tensors&, const Tensor&, const Tensor& ct) {
        return Tangents{ct, ct};
      });
  const Tensor x = ones({2});
  CHECK(contains(error_of([&] { jvp([&](const Tensor& v) { return wrong({v}); }, x, x); }),
                 "wrong: its jvp rule returned [] f32"));
  CHECK(contains(error_of([&] { grad([&](const Tensor& v) { return sum(wrong({v})); }, x); }),
                 "wrong: its vjp rule returned 2 cotangents for 1 inputs"));
  const CustomDerivative misshapen(
      "misshapen", identity_function,
      [](const Tensors&, const Tensor&, const Tangents& dx) { return *dx[0]; },
      [](const Tensors&, const Tensor&, const Tensor& ct) {
        return Tangents{concatenate({ct, ct}, -1)};
      });
  CHECK(contains(error_of([&] { grad([&](const Tensor& v) { return sum(misshapen({v})); }, x); }),
                 "misshapen: its vjp rule returned [4] f32"));
}

TEST_CASE("divergence trusts the rules only where they say that samples are independent") {
  const Tensor x = counting({3, 2}, 0.3);
  CHECK(values(divergence([](const Tensor& v) { return straight_through()({v}); }, x)) ==
        std::vector<double>{2, 2, 2});
  CHECK(contains(error_of([&] {
                   divergence([](const Tensor& v) { return product()({v, v}); }, x);
                 }),
                 "product"));
}

}  // namespace nabla::test
