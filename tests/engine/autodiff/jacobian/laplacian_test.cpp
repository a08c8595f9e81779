#include "engine/autodiff/jacobian/laplacian.h"

#include "engine/autodiff/jacobian/directional_derivatives.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

Tensor squared_length(const Tensor& x) { return sum(square(x), {-1}); }

// The same by second derivatives along every element, one by one.
Tensor by_second_derivatives(const Field& f, const Tensor& x) {
  const Shape sample = x.shape().without_first(1);
  const Tensor directions =
      reshape(identity(sample.size(), x.dtype()), concatenate(Shape{sample.size(), 1}, sample));
  return sum(directional_derivatives(f, x, directions, 2)[2], {0});
}

void check_against_reference(const Field& f, const Tensor& x, double tolerance = 1e-10) {
  const Tensor expected = by_second_derivatives(f, x);
  const double size = std::max(1.0, reduce_max(abs(expected)).item());
  CHECK(reduce_max(abs(expected)).item() > 1e-3);
  CHECK(distance(laplacian(f, x), expected) < tolerance * size);
  // In chunks of one direction, and of more.
  CHECK(distance(laplacian(f, x, {.tangent_bytes = 1}), expected) < tolerance * size);
  CHECK(distance(laplacian(f, x, {.tangent_bytes = 4 * 8 * x.size()}), expected) < tolerance * size);
  const auto compiled = compile([&](const Tensor& at) { return laplacian(f, at); });
  CHECK(distance(compiled(x), expected) < tolerance * size);
}

// Operations of all products in the plan of `result`.
double product_flops(const Tensor& result) {
  const PlannedGraph planned = make_plan(std::span(&result, 1));
  double flops = 0;
  for (std::size_t step = 0; step < planned.plan->steps().size(); ++step) {
    const Primitive* primitive = planned.plan->steps()[step].primitive;
    if (primitive && primitive->name() == "contraction") flops += cost_of(*planned.plan, step).flops;
  }
  return flops;
}

}  // namespace

TEST_CASE("Laplacians that are known") {
  const Tensor x = random_normal({7, 5}, 1);
  const Tensor r2 = squared_length(x);
  CHECK(distance(laplacian([](const Tensor& at) { return squared_length(at); }, x),
                 full({7}, 10, DType::f64)) < 1e-14);
  const Tensor a = random_normal({5, 5}, 2);
  const Field quadratic = [&](const Tensor& at) { return sum(matmul(at, a) * at, {-1}); };
  CHECK(distance(laplacian(quadratic, x), broadcast_to(sum(a * identity(5, DType::f64)) * 2, {7})) < 1e-13);
  // |x|^4: 4 (D + 2) |x|^2. exp(-|x|^2 / 2): (|x|^2 - D) times itself. |x|: (D - 1) / |x|.
  CHECK(distance(laplacian([](const Tensor& at) { return square(squared_length(at)); }, x), r2 * 28) < 1e-11);
  CHECK(distance(laplacian([](const Tensor& at) { return exp(squared_length(at) * -0.5); }, x),
                 (r2 - 5) * exp(r2 * -0.5)) < 1e-13);
  CHECK(distance(laplacian([](const Tensor& at) { return norm(at, {-1}); }, x), 4 / sqrt(r2)) < 1e-13);
  // Harmonic: x y, log r in the plane, 1 / r in space, exp(x) sin(y), and everything that is linear.
  const Tensor plane = random_normal({9, 2}, 3) + 2.0, space = random_normal({9, 3}, 4);
  const auto part = [](const Tensor& at, int i) { return at({all, i}); };
  CHECK(distance(laplacian([&](const Tensor& at) { return part(at, 0) * part(at, 1); }, plane),
                 zeros({9}, DType::f64)) == 0);
  CHECK(distance(laplacian([](const Tensor& at) { return log(squared_length(at)); }, plane),
                 zeros({9}, DType::f64)) < 1e-14);
  CHECK(distance(laplacian([](const Tensor& at) { return rsqrt(squared_length(at)); }, space),
                 zeros({9}, DType::f64)) < 1e-11);
  CHECK(distance(laplacian([&](const Tensor& at) { return exp(part(at, 0)) * sin(part(at, 1)); }, plane),
                 zeros({9}, DType::f64)) < 1e-12);
  CHECK(distance(laplacian([&](const Tensor& at) { return relu(matmul(at, a)); }, x),
                 zeros({7, 5}, DType::f64)) == 0);
  CHECK(distance(laplacian(
                     [](const Tensor& at) {
                       return ones({at.shape()[0], 2}, DType::f64);
                     },
                     x),
                 zeros({7, 2}, DType::f64)) == 0);
}

TEST_CASE("Laplacians of networks against second derivatives along every element") {
  const Tensor x = random_normal({4, 6}, 1), w1 = random_normal({6, 8}, 2) * 0.5,
               w2 = random_normal({8, 8}, 3) * 0.4, w3 = random_normal({8, 3}, 4), b = random_normal({8}, 5);
  const auto layer_norm = [](const Tensor& h) {
    return (h - mean(h, {-1}, true)) * rsqrt(var(h, {-1}, true) + 1e-3);
  };
  check_against_reference(
      [&](const Tensor& at) { return matmul(nabla::tanh(matmul(nabla::tanh(matmul(at, w1) + b), w2)), w3); },
      x);
  check_against_reference(
      [&](const Tensor& at) { return matmul(gelu(matmul(silu(matmul(at, w1)), w2) + b), w3); }, x);
  // A norm, a gate, a residual, softmax and its logarithm.
  check_against_reference(
      [&](const Tensor& at) {
        const Tensor h = matmul(at, w1);
        const Tensor gated = layer_norm(h) * sigmoid(matmul(nabla::tanh(h), w2));
        return softmax(matmul(h + gated, w3));
      },
      x);
  check_against_reference(
      [&](const Tensor& at) {
        return logsumexp(square(matmul(at, w1)) + b, {-1}) / (1 + squared_length(at));
      },
      x);
  // Every pointwise operator with a curvature, of arguments inside its domain.
  check_against_reference(
      [&](const Tensor& at) {
        const Tensor u = 1.5 + sigmoid(matmul(at, w1));
        const Tensor v = nabla::tanh(matmul(at, w2({range(0, 6), all})));
        return sqrt(u) + log(u) * reciprocal(u) + pow(u, v) + expm1(v) * log1p(u) + cos(v) / u + erf(v * u) +
               softplus(v) + max(u * v, v) * min(v, square(v)) + abs(v) * v +
               select(greater(v, 0), v * u, square(u));
      },
      x);
  // An attention of one head on samples of several elements.
  const Tensor q = random_normal({4, 4}, 6) * 0.5, k = random_normal({4, 4}, 7) * 0.5,
               tokens = random_normal({3, 5, 4}, 8);
  check_against_reference(
      [&](const Tensor& at) {
        return matmul(softmax(matmul(matmul(at, q), transpose(matmul(at, k)))), nabla::tanh(at));
      },
      tokens);
  // Slices, joins, reversals, running sums, gathers.
  check_against_reference(
      [&](const Tensor& at) {
        const Tensor h = nabla::tanh(concatenate({slice(at, 1, 0, 3), flip(at, 1) * 2.0}, 1));
        return cumsum(square(h), 1) * gather(at, i64({1, 0, 2, 2, 5, 3, 1, 1, 4}, {1, 9}), 1);
      },
      x);
}

TEST_CASE("products of two tangents along an axis that neither varies on") {
  // The products see the samples' elements only through a mean that is repeated.
  const Tensor x = random_normal({4, 3}, 1), w = random_normal({1, 6, 2}, 2);
  check_against_reference(
      [&](const Tensor& at) {
        const Tensor m = broadcast_to(insert_axes(sum(at, {-1}, true), {-1}), {4, 6, 1});
        const Tensor n = broadcast_to(insert_axes(at, {-2}), {4, 6, 3});
        return sum(einsum("bij,bik->bjk", m, n * broadcast_to(sum(w), {1, 1, 1})), {-1, -2});
      },
      x);
}

TEST_CASE("the trace of the Hessian, by reverse over forward") {
  const Tensor x = random_normal({4, 6}, 1), w1 = random_normal({6, 8}, 2), w2 = random_normal({8, 1}, 3);
  const Field f = [&](const Tensor& at) { return drop_axes(matmul(nabla::tanh(matmul(at, w1)), w2), {-1}); };
  const Field gradient = [&](const Tensor& at) {
    return grad([&](const Tensor& z) { return sum(f(z)); })(at);
  };
  CHECK(distance(laplacian(f, x), divergence(gradient, x)) < 1e-12);
  CHECK(distance(laplacian(f, x), sum(sample_jacobian(gradient, x) * identity(6, DType::f64), {-1, -2})) <
        1e-12);
  // Samples of any shape.
  const Field of_images = [&](const Tensor& at) { return f(reshape(at, {4, 6})); };
  CHECK(distance(laplacian(of_images, reshape(x, {4, 2, 3})), laplacian(f, x)) < 1e-13);
}

TEST_CASE("checkpoints, rules of the caller's own, and captured values") {
  const Tensor x = random_normal({4, 6}, 1), w = random_normal({6, 6}, 2) * 0.5;
  const CustomDerivative cube(
      "cube", [](const std::vector<Tensor>& in) { return in[0] * square(in[0]); },
      [](const std::vector<Tensor>& in, const Tensor&, const std::vector<std::optional<Tensor>>& t) {
        return square(in[0]) * 3.0 * *t[0];
      },
      [](const std::vector<Tensor>& in, const Tensor&, const Tensor& ct) {
        return std::vector<std::optional<Tensor>>{square(in[0]) * 3.0 * ct};
      },
      CustomDerivative::Samples::independent);
  check_against_reference([&](const Tensor& at) { return cube({nabla::tanh(matmul(at, w))}); }, x);
  const Field inner = [&](const Tensor& at) { return nabla::tanh(matmul(at, w)) * at; };
  const Tensor expected = by_second_derivatives(inner, x);
  CHECK(distance(laplacian([&](const Tensor& at) { return checkpoint(inner, at); }, x), expected) < 1e-12);
  // A derivative that is zero on its way.
  check_against_reference(
      [&](const Tensor& at) {
        return square(at) * reshape(nabla::sign(insert_axes(at, {-1})), at.shape()) +
               softmax(nabla::sign(at));
      },
      x);
  // What the function captures stays constant, x itself too.
  CHECK(distance(laplacian([&](const Tensor& at) { return inner(at) + nabla::exp(x); }, x), expected) <
        1e-12);
}

TEST_CASE("derivatives of a Laplacian by parameters and by the argument") {
  const Tensor x = random_normal({4, 3}, 1), w1 = random_normal({3, 5}, 2), w2 = random_normal({5, 2}, 3);
  const auto loss = [&](const Tensor& at, const Tensor& w) {
    return sum(square(laplacian([&](const Tensor& z) { return matmul(nabla::tanh(matmul(z, w)), w2); }, at) +
                      at({all, range(0, 2)})));
  };
  const double h = 1e-5;
  const Tensor dw = random_normal({3, 5}, 4), dx = random_normal({4, 3}, 5);
  const double by_w = (loss(x, w1 + dw * h) - loss(x, w1 - dw * h)).item() / (2 * h);
  CHECK(sum(grad([&](const Tensor& w) { return loss(x, w); })(w1) * dw).item() ==
        doctest::Approx(by_w).epsilon(1e-7));
  const double by_x = (loss(x + dx * h, w1) - loss(x - dx * h, w1)).item() / (2 * h);
  CHECK(sum(grad([&](const Tensor& at) { return loss(at, w1); })(x) * dx).item() ==
        doctest::Approx(by_x).epsilon(1e-7));
  CHECK(jvp([&](const Tensor& at) { return loss(at, w1); }, x, dx).tangent.item() ==
        doctest::Approx(by_x).epsilon(1e-7));
  // The biharmonic of |x|^4 is 8 D (D + 2).
  const Field quartic = [](const Tensor& at) { return square(squared_length(at)); };
  CHECK(distance(laplacian([&](const Tensor& at) { return laplacian(quartic, at); }, x),
                 full({4}, 120, DType::f64)) < 1e-11);
  // A batch of batches.
  const Tensor many = random_normal({2, 4, 3}, 6);
  const Tensor mapped = vmap([&](const Tensor& at) { return laplacian(quartic, at); }, many);
  CHECK(distance(mapped, squared_length(many) * 20) < 1e-11);
}

TEST_CASE("a Laplacian takes D + 2 passes") {
  const Tensor x = random_normal({16, 3}, 1), w1 = random_normal({3, 8}, 2), w2 = random_normal({8, 8}, 3),
               w3 = random_normal({8, 8}, 4), w4 = random_normal({8, 1}, 5);
  const Field f = [&](const Tensor& at) {
    return matmul(nabla::tanh(matmul(nabla::tanh(matmul(nabla::tanh(matmul(at, w1)), w2)), w3)), w4);
  };
  // Through each of the two inner matrices the value, three tangents and the Laplacian: 5 x 16 rows. Of the
  // first layer the value alone (its tangents are the rows of the weight), of the last the Laplacian alone.
  const double rows = 16;
  const double expected = 2 * (rows * 3 * 8 + 2 * 5 * rows * 8 * 8 + rows * 8);
  CHECK(product_flops(laplacian(f, x)) == expected);
  // The Laplacian's own pass is not repeated for every chunk of tangents. (A single row of the identity is
  // multiplied, not picked.)
  for (const std::int64_t bytes : {std::int64_t{2 * 16 * 8 * 8}, std::int64_t{1}})
    CHECK(product_flops(laplacian(f, x, {.tangent_bytes = bytes})) < 1.01 * expected);
}

TEST_CASE("a Laplacian refuses what does not fit") {
  const Tensor x = ones({4, 3}, DType::f64);
  CHECK_THROWS_WITH_AS(laplacian([](const Tensor& at) { return at - mean(at, {0}, true); }, x),
                       doctest::Contains("laplacian: the field mixes samples"), Error);
  CHECK_THROWS_WITH_AS(laplacian([](const Tensor& at) { return sum(at); }, x),
                       doctest::Contains("samples on the outermost axis"), Error);
  CHECK_THROWS_WITH_AS(laplacian([](const Tensor& at) { return cast(at, DType::f32); }, x),
                       doctest::Contains("one floating type"), Error);
  CHECK_THROWS_WITH_AS(laplacian([](const Tensor& at) { return at; }, ones({4, 3}, DType::i32)),
                       doctest::Contains("i32"), Error);
  CHECK(laplacian([](const Tensor& at) { return square(at); }, ones({0, 3}, DType::f64)).shape() ==
        Shape{0, 3});
}

}  // namespace nabla::test
