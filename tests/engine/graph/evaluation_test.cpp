#include <doctest/doctest.h>

#include "engine/engine.h"
#include "engine/graph/evaluation.h"
#include "tests/engine/numbers.h"

// Derivatives do not get lost in what functions evaluate.

namespace nabla::test {
namespace {

bool refused(const std::string& message, const char* transform, const char* function) {
  return contains(message, std::string(transform) + ": a derivative would have to go through a result") &&
         contains(message, std::string(" of ") + function + ", which is evaluated") &&
         contains(message, "stop_gradient");
}

std::string refusal(const Tensor& y, const std::vector<Tensor>& xs) {
  return error_of([&] { gradients(sum(y), xs); });
}

// Two steps of which each is evaluated.
Tensor evaluated_twice(const Tensor& x, const Tensor& w) {
  Evaluation evaluation("a function");
  const Tensor first = evaluation.leaf(evaluation.reads(x) * w);
  return evaluation.leaf(first * first + w);
}

}  // namespace

TEST_CASE("a derivative through an evaluated result is refused by name in both modes") {
  const Tensor x = f64({1, 2}, {2}), w = f64({3, 4}, {2}), other = f64({5, 6}, {2});
  const Tensor y = evaluated_twice(x, w);
  CHECK(values(y) == std::vector<double>{12, 68});
  const Tensor loss = y * other * w;
  CHECK(refused(refusal(loss, {w}), "vjp", "a function"));
  CHECK(refused(refusal(loss, {x}), "vjp", "a function"));
  CHECK(refused(refusal(loss, {other, x}), "vjp", "a function"));
  const Tensor one = ones({2}, DType::f64);
  CHECK(refused(error_of([&] { jvp(loss, x, one); }), "jvp", "a function"));
  CHECK(contains(to_text(y), "leaf{a function}"));
}

TEST_CASE("what does not depend on the variable, or is said to be a constant, is not refused") {
  const Tensor x = f64({1, 2}, {2}), w = f64({3, 4}, {2}), other = f64({5, 6}, {2});
  const Tensor y = evaluated_twice(x, w);
  CHECK(values(gradients(sum(y * other), {other})[0]) == values(y));
  CHECK(values(gradients(sum(y * w), {y})[0]) == values(w));     // by the result itself,
  CHECK(values(gradients(sum(y * w), {w, y})[1]) == values(w));  // which ends the walk
  CHECK(values(gradients(sum(y.detach() * w), {w})[0]) == values(y));
  CHECK(values(gradients(sum(stop_gradient(y) * w), {w})[0]) == values(y));
  CHECK(values(gradients(sum(cast(greater(y, 0), DType::f64) * w), {w})[0]) == std::vector<double>{1, 1});
  CHECK(values(gradients(sum(w * w), {w})[0]) == values(w * 2));  // beside it
  // Another value of the same shape and a twin of w were not read.
  const Tensor twin = f64({3, 4}, {2});
  CHECK(values(gradients(sum(y * twin), {twin})[0]) == values(y));
  CHECK(values(grad([&](const Tensor& v) { return sum(y * v); }, w)) == values(y));
}

TEST_CASE("what an evaluated result depends on is known through intermediate values, cells and others") {
  const Cell cell(f64({3, 4}, {2}));
  const Tensor x = f64({1, 2}, {2});
  const Tensor h = cell.get() * 2;
  const Tensor y = evaluated_twice(x, h);
  CHECK(refused(refusal(y, {cell.get()}), "vjp", "a function"));
  CHECK(refused(refusal(y, {h}), "vjp", "a function"));
  Evaluation next("another");
  const Tensor z = next.leaf(y * 2);
  CHECK(refused(refusal(z, {y}), "vjp", "another"));
  CHECK(refused(refusal(z, {cell.get()}), "vjp", "another"));
  const Tensor beside = cell.get() + 1;  // no part of it
  CHECK(values(gradients(sum(beside * y), {beside})[0]) == values(y));
  // From numbers on the host.
  Evaluation host("on the host");
  const double largest = reduce_max(host.reads(nabla::sin(x))).item();
  const Tensor result = host.leaf(f64({largest}, {}));
  CHECK(refused(refusal(result * x, {x}), "vjp", "on the host"));
}

TEST_CASE("a function that evaluates says so where a variable has no value") {
  const Tensor x = f64({1, 2}, {2}), w = f64({3, 4}, {2});
  const std::string message =
      error_of([&] { grad([&](const Tensor& v) { return sum(evaluated_twice(v, w)); }, x); });
  CHECK(contains(message, "a function: it evaluates what it computes"));
  CHECK(contains(error_of([&] { compile([&](const Tensor& v) { return evaluated_twice(v, w); })(x); }),
                 "a function: it evaluates"));
}

TEST_CASE("spectra, determinants and traces of an operator refuse derivatives by what it is made of") {
  const Tensor w = f64({2, 1, 0.5, 3}, {2, 2}), x = f64({1, 2, 3, 4}, {2, 2});
  const auto field = [&](const Tensor& at) { return nabla::tanh(matmul(at, w)) + at * 2; };
  const LinearOperator j = jacobian_operator(field, x);
  for (const Tensor& by : {w, x}) {
    SpectrumOptions options;
    options.count = 1;
    CHECK(refused(refusal(top_eigenpairs(j, options).values, {by}), "vjp", "top_eigenpairs"));
    CHECK(refused(refusal(top_singular_values(j, options).values, {by}), "vjp", "top_singular_values"));
    CHECK(refused(refusal(log_abs_determinant(j), {by}), "vjp", "log_abs_determinant"));
    CHECK(refused(refusal(estimate_log_determinant(normal_operator(j), random_key(0)).value, {by}), "vjp",
                  "estimate_log_determinant"));
    DeflatedTrace trace({.rank = 1, .probes = 2});
    CHECK(refused(refusal(trace.estimate(j, random_key(1)).value, {by}), "vjp", "DeflatedTrace"));
  }
}

}  // namespace nabla::test
