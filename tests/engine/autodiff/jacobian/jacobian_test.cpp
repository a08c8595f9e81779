#include "engine/autodiff/jacobian/jacobian.h"

#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

Tensor weights(const Shape& shape, double frequency) { return nabla::sin(counting(shape, frequency) + 0.3); }

// Two layers and a row scaling: treats rows alone.
Tensor rowwise(const Tensor& x) {
  const std::int64_t width = x.shape()[-1];
  const Tensor hidden = nabla::tanh(matmul(x, weights({width, 5}, 0.7)));
  return matmul(hidden * logsumexp(x, {-1}, true), weights({5, width}, 1.3));
}

}  // namespace

TEST_CASE("a Jacobian has the axes of the result, then those of the argument") {
  const Tensor x = counting({2, 3}, 0.2);
  const Field f = [](const Tensor& v) { return matmul(v, weights({3, 4}, 0.5)); };
  const Tensor j = jacobian(f, x);
  CHECK(j.shape() == Shape{2, 4, 2, 3});
  const Tensor w = weights({3, 4}, 0.5);
  CHECK(j({1, 2, 1, 0}).item() == w({0, 2}).item());
  CHECK(j({1, 2, 0, 0}).item() == 0);
  CHECK(jacobian([](const Tensor& v) { return sum(v); }, x).shape() == Shape{2, 3});
  CHECK(jacobian([](const Tensor& v) { return nabla::sin(v); }, f64({0}, {})).item() == 1);
  CHECK(values(jacobian([](const Tensor& v) { return broadcast_to(zeros_like(v), v.shape()); }, x)) ==
        std::vector<double>(36, 0));
}

TEST_CASE("forward and reverse mode give the same Jacobian") {
  const Tensor x = counting({3, 4}, 0.1);
  const Field f = [](const Tensor& v) { return softmax(rowwise(v), 0); };
  const Tensor forward = jacobian(f, x, {.method = JacobianMethod::forward});
  const Tensor reverse = jacobian(f, x, {.method = JacobianMethod::reverse});
  CHECK(forward.shape() == reverse.shape());
  CHECK(distance(forward, reverse) < 1e-14);
  CHECK(distance(jacobian(f, x), forward) < 1e-14);
}

TEST_CASE("a budget of bytes changes the chunks, not the result") {
  const Tensor x = counting({3, 4}, 0.1);
  for (const JacobianMethod method : {JacobianMethod::forward, JacobianMethod::reverse}) {
    const Tensor whole = jacobian(&rowwise, x, {.method = method});
    for (const std::int64_t bytes : {0, 1, 300, 700})
      CHECK(distance(jacobian(&rowwise, x, {.method = method, .tangent_bytes = bytes}), whole) < 1e-15);
    const Tensor samples = sample_jacobian(&rowwise, x, {.method = method});
    CHECK(distance(sample_jacobian(&rowwise, x, {.method = method, .tangent_bytes = 1}), samples) < 1e-15);
  }
  constexpr JacobianMethod kForward = JacobianMethod::forward;  // a small budget may choose another way
  CHECK(distance(divergence(&rowwise, x, {.method = kForward, .tangent_bytes = 1}),
                 divergence(&rowwise, x, {.method = kForward})) < 1e-15);
  CHECK(distance(jacobian_diagonal(&rowwise, x, {.method = kForward, .tangent_bytes = 1}),
                 jacobian_diagonal(&rowwise, x, {.method = kForward})) < 1e-15);
}

TEST_CASE("sample-wise derivatives are the blocks of the full Jacobian") {
  const Tensor x = counting({3, 4}, 0.1);
  const Tensor full_jacobian = jacobian(&rowwise, x);
  const Tensor blocks = sample_jacobian(&rowwise, x);
  const Tensor traces = divergence(&rowwise, x);
  const Tensor diagonals = jacobian_diagonal(&rowwise, x);
  CHECK(blocks.shape() == Shape{3, 4, 4});
  CHECK(traces.shape() == Shape{3});
  CHECK(diagonals.shape() == Shape{3, 4});
  for (std::int64_t b = 0; b < 3; ++b) {
    CHECK(distance(blocks[b], full_jacobian({b, all, b})) < 1e-14);
    double trace = 0;
    for (std::int64_t i = 0; i < 4; ++i) {
      trace += blocks({b, i, i}).item();
      CHECK(diagonals({b, i}).item() == doctest::Approx(blocks({b, i, i}).item()).epsilon(1e-13));
    }
    CHECK(traces[b].item() == doctest::Approx(trace).epsilon(1e-13));
  }
}

TEST_CASE("samples may have several axes or none, and the result another shape") {
  const Tensor images = counting({2, 2, 3}, 0.1);
  const Field f = [](const Tensor& v) { return v * sum(nabla::sin(v), {1, 2}, true); };
  CHECK(sample_jacobian(f, images).shape() == Shape{2, 2, 3, 2, 3});
  CHECK(divergence(f, images).shape() == Shape{2});
  CHECK(jacobian_diagonal(f, images).shape() == Shape{2, 2, 3});
  const Tensor numbers = counting({4}, 0.3);
  CHECK(distance(divergence([](const Tensor& v) { return nabla::sin(v); }, numbers), nabla::cos(numbers)) <
        1e-15);
  CHECK(sample_jacobian(
            [](const Tensor& v) {
              return reshape(sum(v, {1}), Shape{2, 3});
            },
            images)
            .shape() == Shape{2, 3, 2, 3});
  CHECK(divergence(f, zeros({0, 2, 3}, DType::f64)).shape() == Shape{0});
}

TEST_CASE("a constant field has no divergence, and a linear one its trace") {
  const Tensor x = counting({3, 2});
  CHECK(values(divergence([](const Tensor& v) { return zeros_like(v) + 2; }, x)) ==
        std::vector<double>{0, 0, 0});
  const Tensor w = f64({1, 2, 3, 4}, {2, 2});
  CHECK(values(divergence([&](const Tensor& v) { return matmul(v, w); }, x)) == std::vector<double>{5, 5, 5});
  CHECK(values(divergence([](const Tensor& v) { return v; }, x)) == std::vector<double>{2, 2, 2});
}

TEST_CASE("the divergence differentiates again") {
  const Tensor x = counting({2, 3}, 0.2);
  const Field f = [](const Tensor& v) { return square(v) * v; };
  // div = 3 sum x^2, its gradient 6 x.
  CHECK(distance(grad([&](const Tensor& v) { return sum(divergence(f, v)); }, x), x * 6) < 1e-14);
  const Tensor direction = ones_like(x);
  CHECK(distance(jvp([&](const Tensor& v) { return divergence(f, v); }, x, direction).tangent,
                 sum(x * 6, {1})) < 1e-14);
}

TEST_CASE("a field that changes type or shape is refused") {
  const Tensor x = counting({2, 3});
  CHECK(contains(error_of([&] { divergence([](const Tensor& v) { return sum(v, {1}, true); }, x); }),
                 "divergence: the field maps [2, 3] to [2, 1]"));
  CHECK(contains(error_of([&] { divergence([](const Tensor& v) { return cast(v, DType::f32); }, x); }),
                 "must be of one floating type"));
  CHECK(contains(error_of([&] { jacobian([](const Tensor& v) { return v; }, iota(3)); }), "floating type"));
  CHECK(contains(error_of([&] { divergence([](const Tensor& v) { return v; }, f64({1}, {})); }),
                 "outermost axis"));
}

}  // namespace nabla::test
