#include "engine/autodiff/grad.h"

#include "tests/engine/numbers.h"

namespace nabla::test {

TEST_CASE("grad of grad of a scalar function") {
  const Tensor x = f64({0.7}, {});
  const ScalarFunction f = [](const Tensor& v) { return nabla::sin(v) * v; };
  CHECK(grad(f)(x).item() == doctest::Approx(std::cos(0.7) * 0.7 + std::sin(0.7)));
  CHECK(grad(grad(f))(x).item() == doctest::Approx(2 * std::cos(0.7) - 0.7 * std::sin(0.7)));
  CHECK(grad(grad(grad(f)))(x).item() == doctest::Approx(-3 * std::sin(0.7) - 0.7 * std::cos(0.7)));
}

TEST_CASE("captured values stay constant in a nested derivative") {
  // d/dx (x * d/dy (x + y)) = 1, not 2: the inner derivative does not see x.
  const Tensor x = f64({3}, {});
  const ScalarFunction outer = [](const Tensor& v) {
    return v * grad([&](const Tensor& w) { return v + w; }, f64({5}, {}));
  };
  CHECK(grad(outer, x).item() == 1);
  const ScalarFunction product = [](const Tensor& v) {
    return v * grad([&](const Tensor& w) { return v * w; }, f64({5}, {}));
  };
  CHECK(grad(product, x).item() == 6);
}

TEST_CASE("the value of a function and of its derivative share their nodes") {
  const Tensor x = f64({0.5, 1}, {2});
  const auto f = [](const Tensor& v) { return nabla::tanh(v); };
  const Tensor y = f(x);
  CHECK(same(jvp(f, x, ones_like(x)).value, y));
}

TEST_CASE("grad refuses what is no scalar") {
  CHECK(contains(error_of([] { grad([](const Tensor& v) { return v * 2; }, ones({3})); }),
                 "grad: the function's result [3] has more than one element"));
  CHECK_FALSE(error_of([] { grad([](const Tensor& v) { return argmax(v); }, ones({3})); }).empty());
  CHECK_FALSE(error_of([] { grad([](const Tensor& v) { return sum(v); }, iota(3)); }).empty());
}

TEST_CASE("value_and_grad of several arguments with auxiliary results") {
  const Tensor a = f64({1, 2}, {2});
  const Tensor b = f64({3, 4}, {2});
  const Tensor unused = f64({9}, {1});
  const ValueAndGrad result = value_and_grad(
      [](const std::vector<Tensor>& x) {
        return std::vector{sum(x[0] * x[1]), x[0] + 1, argmax(x[1])};
      },
      {a, b, unused});
  CHECK(result.value.item() == 11);
  CHECK(values(result.grads[0]) == std::vector<double>{3, 4});
  CHECK(values(result.grads[1]) == std::vector<double>{1, 2});
  CHECK(values(result.grads[2]) == std::vector<double>{0});
  REQUIRE(result.auxiliary.size() == 2);
  CHECK(values(result.auxiliary[0]) == std::vector<double>{2, 3});
  CHECK(result.auxiliary[1].item() == 1);
}

TEST_CASE("a function that ignores its argument has zero derivatives") {
  const Tensor x = f64({1, 2}, {2});
  const Tensor c = f64({4}, {});
  CHECK(values(grad([&](const Tensor&) { return c; }, x)) == std::vector<double>{0, 0});
  const ValueAndTangent forward = jvp([&](const Tensor&) { return c * 2; }, x, counting({3, 2}));
  CHECK(forward.value.item() == 8);
  CHECK(values(forward.tangent) == std::vector<double>{0, 0, 0});
  CHECK(values(vjp([&](const Tensor&) { return c; }, x, f64({1}, {})).cotangent) ==
        std::vector<double>{0, 0});
}

TEST_CASE("hvp gives the Hessian of a quadratic form and of a sum of exponentials") {
  const Tensor a = f64({2, 1, 0, 1, 3, -1, 0, -1, 4}, {3, 3});
  const Tensor x = f64({0.1, -0.4, 0.7}, {3});
  const Tensor v = f64({1, 2, -1}, {3});
  const ScalarFunction quadratic = [&](const Tensor& z) { return sum(z * matmul(a, z)) * 0.5; };
  CHECK(distance(hvp(quadratic, x, v), matmul(a, v)) < 1e-14);
  const ScalarFunction exponential = [](const Tensor& z) { return sum(nabla::exp(z)); };
  CHECK(distance(hvp(exponential, x, v), nabla::exp(x) * v) < 1e-14);
  // Many directions at once.
  const Tensor all_directions = identity(3, DType::f64);
  CHECK(distance(hvp(quadratic, x, all_directions), a) < 1e-14);
}

TEST_CASE("gradients of a tensor that is already built") {
  const Tensor x = f64({1, 2}, {2});
  const Tensor h = nabla::exp(x);
  const Tensor y = sum(h * x);
  const std::vector<Tensor> both = gradients(y, {x, h});
  CHECK(distance(both[1], x) == 0);
  // h is a variable too, so that the walk to x does not pass through it.
  CHECK(distance(both[0], h) < 1e-15);
  CHECK(distance(gradients(y, {x})[0], h * (x + 1)) < 1e-14);
}

TEST_CASE("directions that do not fit are refused with shapes") {
  const Tensor x = f64({1, 2}, {2});
  const auto f = [](const Tensor& v) { return v * 2; };
  CHECK(contains(error_of([&] { jvp(f, x, ones({3}, DType::f64)); }), "jvp: direction 0 [3] f64"));
  CHECK(contains(error_of([&] { jvp(f, x, ones({2})); }), "differs in type from [2] f64"));
  CHECK(contains(error_of([&] { jvp(f, x, f64({1}, {})); }), "has fewer axes than [2] f64"));
  CHECK(contains(error_of([&] { vjp(f, x, ones({4, 3}, DType::f64)); }), "vjp: direction 0 [4, 3] f64"));
}

}  // namespace nabla::test
