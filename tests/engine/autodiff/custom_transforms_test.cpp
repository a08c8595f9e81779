#include "engine/autodiff/custom_derivative.h"
#include "tests/engine/numbers.h"

// Custom derivatives under transforms: what they do must not differ from the same function without rules.

namespace nabla::test {
namespace {

using Tensors = std::vector<Tensor>;
using Tangents = std::vector<std::optional<Tensor>>;

// a * b, row by row.
Tensor product(const Tensor& a, const Tensor& b) {
  static const CustomDerivative function(
      "rowwise_product", [](const Tensors& x) { return x[0] * x[1]; },
      [](const Tensors& x, const Tensor&, const Tangents& dx) {
        if (!dx[1]) return *dx[0] * x[1];
        if (!dx[0]) return x[0] * *dx[1];
        return *dx[0] * x[1] + x[0] * *dx[1];
      },
      [](const Tensors& x, const Tensor&, const Tensor& ct) {
        return Tangents{ct * x[1], ct * x[0]};
      },
      CustomDerivative::Samples::independent);
  return function({a, b});
}

// The value of the second argument with the derivative of the sum of both.
Tensor second_of(const Tensor& a, const Tensor& b) {
  static const CustomDerivative function(
      "second_of", [](const Tensors& x) { return x[1] * 1.0; },
      [](const Tensors&, const Tensor&, const Tangents& dx) {
        return dx[0] && dx[1] ? *dx[0] + *dx[1] : (dx[0] ? *dx[0] : *dx[1]);
      },
      [](const Tensors&, const Tensor&, const Tensor& ct) {
        return Tangents{ct, ct};
      });
  return function({a, b});
}

Tensor plain_product(const Tensor& a, const Tensor& b) { return a * b; }

using OfTwo = Tensor (*)(const Tensor&, const Tensor&);

// f mapped over the rows of a, with b passed whole.
Tensor over_rows(OfTwo f, const Tensor& a, const Tensor& b) {
  return vmap([f](const Tensors& x) { return Tensors{f(x[0], x[1])}; }, {a, b}, {0, kNotMapped})[0];
}

Tensor pulled(const Tensor& y, const Tensor& x, const Tensor& ct) { return *vjp(y, x, ct); }
Tensor pushed(const Tensor& y, const Tensor& x, const Tensor& dx) { return *jvp(y, x, dx); }

}  // namespace

TEST_CASE("vmap over one argument of a custom derivative leaves the other's derivative whole") {
  const Tensor a = counting({5, 3}, 0.1).detach();
  const Tensor b = f64({2, -1, 3}, {3});
  const Tensor custom = over_rows(&product, a, b);
  const Tensor plain = over_rows(&plain_product, a, b);
  CHECK(distance(custom, plain) == 0);
  for (const Tensor& x : {a, b}) {
    const Tensor ct = nabla::cos(counting({4, 5, 3}));
    CHECK(distance(pulled(custom, x, ct), pulled(plain, x, ct)) < 1e-14);
    const Tensor dx = nabla::cos(counting(concatenate(Shape{4}, x.shape())));
    CHECK(distance(pushed(custom, x, dx), pushed(plain, x, dx)) < 1e-14);
    const Tensor weighted = sum(square(custom));
    CHECK(distance(gradients(weighted, {x})[0], gradients(sum(square(plain)), {x})[0]) < 1e-13);
  }
  // The gradient inside, the map outside.
  const auto inner = [&](OfTwo f) {
    return vmap(
        [&](const Tensor& row) { return grad([&](const Tensor& v) { return sum(square(f(row, v))); }, b); },
        a);
  };
  CHECK(distance(inner(&product), inner(&plain_product)) < 1e-13);
}

TEST_CASE("a custom derivative whose value ignores the mapped argument") {
  const Tensor a = counting({5, 3}, 0.1).detach();
  const Tensor b = f64({2, -1, 3}, {3});
  const Tensor y = over_rows(&second_of, a, b);
  CHECK(distance(y, broadcast_to(b, {5, 3})) == 0);
  const Tensor da = nabla::cos(counting({5, 3}));
  CHECK(distance(pushed(y, a, da), da) == 0);
  CHECK(distance(pushed(y, b, b), broadcast_to(b, {5, 3})) == 0);
  CHECK(distance(pulled(y, a, da), da) == 0);
  CHECK(distance(pulled(y, b, da), sum(da, {0})) < 1e-15);
  const Tensor inside = vmap(
      [&](const Tensor& row) {
        return jvp([&](const Tensor& v) { return second_of(v, b); }, row, row * 2).tangent;
      },
      a);
  CHECK(distance(inside, a * 2) == 0);
}

TEST_CASE("a rule that is mapped over samples does not mix them, whatever it does with one") {
  // Mixes the elements of its argument: y_i = x_i sum(x).
  const CustomDerivative mixing(
      "times_own_sum", [](const Tensors& x) { return x[0] * sum(x[0], {-1}, true); },
      [](const Tensors& x, const Tensor&, const Tangents& dx) {
        return *dx[0] * sum(x[0], {-1}, true) + x[0] * sum(*dx[0], {-1}, true);
      },
      [](const Tensors& x, const Tensor&, const Tensor& ct) {
        return Tangents{ct * sum(x[0], {-1}, true) + sum(ct * x[0], {-1}, true)};
      });
  const Tensor x = f64({1, 2, 3, 4, 5, 6}, {2, 3});
  const auto mapped = [&](const Tensor& v) {
    return vmap([&](const Tensor& row) { return mixing({row}); }, v);
  };
  // d/dx_i x_i sum(x) = sum(x) + x_i.
  CHECK(values(divergence(mapped, x)) == std::vector<double>{3 * 6 + 6, 3 * 15 + 15});
  CHECK(values(sample_jacobian(mapped, x)[0]) == std::vector<double>{7, 1, 1, 2, 8, 2, 3, 3, 9});
  CHECK(contains(error_of([&] { divergence([&](const Tensor& v) { return mixing({v}); }, x); }),
                 "mixes samples"));
  const Tensor y = f64({1, 2, 3, 4}, {2, 2});
  const auto rows = [&](const Tensor& v) {
    return vmap([](const Tensor& row) { return product(row, row); }, v);
  };
  CHECK(values(divergence(rows, y)) == std::vector<double>{6, 14});
}

TEST_CASE("a captured tensor that is differentiated by is refused, a constant is not") {
  const Tensor captured = f64({4, 5}, {2});
  const CustomDerivative scaled(
      "scaled_by_capture", [captured](const Tensors& x) { return x[0] * captured; },
      [captured](const Tensors&, const Tensor&, const Tangents& dx) { return *dx[0] * captured; },
      [captured](const Tensors&, const Tensor&, const Tensor& ct) { return Tangents{ct * captured}; });
  const Tensor x = f64({1, 2}, {2});
  const Tensor y = scaled({x});
  CHECK(values(pushed(y, x, ones_like(x))) == std::vector<double>{4, 5});
  CHECK(values(pulled(y, x, ones_like(x))) == std::vector<double>{4, 5});
  CHECK(values(jacobian([&](const Tensor& v) { return scaled({v}); }, x)) == std::vector<double>{4, 0, 0, 5});
  const std::string forward = error_of([&] { pushed(y, captured, ones_like(x)); });
  const std::string reverse = error_of([&] { pulled(y, captured, ones_like(x)); });
  const std::string both = error_of([&] { gradients(sum(y), {x, captured}); });
  for (const std::string& message : {forward, reverse, both})
    CHECK(contains(message, "scaled_by_capture: the function of this custom derivative captured"));
  // Not even where the captured tensor is an argument as well.
  const auto mixed = [](const Tensor& v) {
    return CustomDerivative(
        "captures_its_argument", [v](const Tensors& a) { return a[0] * v; },
        [v](const Tensors&, const Tensor&, const Tangents& dx) { return *dx[0] * v; },
        [v](const Tensors&, const Tensor&, const Tensor& ct) { return Tangents{ct * v}; })({v});
  };
  CHECK(contains(error_of([&] { jvp(mixed, x, x); }), "captures_its_argument"));
  CHECK(contains(error_of([&] { grad([&](const Tensor& v) { return sum(mixed(v)); }, x); }),
                 "captures_its_argument"));
}

TEST_CASE("jvp of vjp of a custom derivative under leading axes") {
  const Tensor x = (counting({4, 3}, 0.1) + 0.3).detach();
  const Tensor cts = nabla::sin(counting({2, 4, 3}));
  const Tensor dxs = nabla::cos(counting({5, 4, 3}));
  const auto nested = [&](OfTwo f) {
    const Tensor y = f(x, nabla::sin(f(x, x)));
    return pushed(pulled(y, x, cts), x, dxs);
  };
  const Tensor custom = nested(&product);
  CHECK(custom.shape() == Shape{5, 2, 4, 3});
  CHECK(distance(custom, nested(&plain_product)) < 1e-13);
  const auto other_way = [&](OfTwo f) {
    const Tensor y = f(x, nabla::sin(f(x, x)));
    return pulled(pushed(y, x, dxs), x, insert_axes(cts, {-3}));
  };
  CHECK(distance(other_way(&product), other_way(&plain_product)) < 1e-13);
}

TEST_CASE("fields that use an independent custom derivative have divergence and Jacobians per sample") {
  const Tensor x = counting({5, 3}, 0.1).detach();
  const Tensor weights = nabla::sin(counting({3, 3}));
  const auto field = [&](OfTwo f) {
    return [f, weights](const Tensor& v) { return f(nabla::tanh(matmul(v, weights)), f(v, nabla::exp(v))); };
  };
  for (const JacobianMethod method : {JacobianMethod::forward, JacobianMethod::reverse})
    CHECK(distance(sample_jacobian(field(&product), x, {.method = method}),
                   sample_jacobian(field(&plain_product), x, {.method = method})) < 1e-13);
  CHECK(distance(divergence(field(&product), x), divergence(field(&plain_product), x)) < 1e-13);
  CHECK(distance(jacobian_diagonal(field(&product), x), jacobian_diagonal(field(&plain_product), x)) < 1e-13);
  // Differentiated again, as training by a divergence does.
  const auto slope = [&](OfTwo f) {
    return grad([&](const Tensor& v) { return sum(square(divergence(field(f), v))); }, x);
  };
  CHECK(distance(slope(&product), slope(&plain_product)) < 1e-11);
}

TEST_CASE("rules see the full extents of compressed tangents and cotangents") {
  const Tensor x = counting({5, 3}, 0.1).detach();
  const auto apply_to = [&](OfTwo f) { return f(x, nabla::sin(x) + 2); };
  for (const Shape& shape : {Shape{1, 3}, Shape{5, 1}, Shape{4, 1, 3}, Shape{2, 4, 1, 1}}) {
    INFO(to_string(shape));
    const Tensor direction = nabla::cos(counting(shape));
    const Tensor full = broadcast_to(direction, concatenate(shape.first(shape.rank() - 2), x.shape()));
    const Tensor plain = apply_to(&plain_product);
    const Tensor custom = apply_to(&product);
    CHECK(distance(pushed(custom, x, direction), pushed(plain, x, full)) < 1e-14);
    CHECK(distance(pulled(custom, x, direction), pulled(plain, x, full)) < 1e-14);
    const Tensor both = over_rows(&second_of, x, f64({1, 2, 3}, {3}));
    CHECK(distance(pushed(both, x, direction), full) == 0);
  }
}

}  // namespace nabla::test
