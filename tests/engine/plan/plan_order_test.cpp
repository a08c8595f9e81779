#include <doctest/doctest.h>

#include <algorithm>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

// When steps run, and what is computed twice so that it need not be kept.

namespace nabla::test {
namespace {

constexpr std::int64_t kBatch = 512;
constexpr std::int64_t kLayerWidth = 256;
constexpr std::size_t kActivationBytes = kBatch * kLayerWidth * sizeof(float);

Tensor sines(const Shape& shape, double step) {
  return cast(sin(counting(shape) * step), DType::f32).detach();
}

std::vector<Tensor> weights(int count) {
  std::vector<Tensor> made;
  for (int i = 0; i < count; ++i) made.push_back((sines({kLayerWidth, kLayerWidth}, 0.1 + i) * 0.1).detach());
  return made;
}

Tensor network(const Tensor& x, const std::vector<Tensor>& ws) {
  Tensor h = x;
  for (const Tensor& w : ws) {
    const Tensor z = matmul(h, w);
    h = z * sigmoid(z);
  }
  return sum(square(h));
}

std::size_t arena(const std::vector<Tensor>& results) { return make_plan(results).plan->arena_bytes(); }

// How often a primitive stands in the programs of a plan.
std::size_t instructions_named(const std::vector<Tensor>& results, std::string_view name) {
  std::size_t count = 0;
  for (const PlanStep& step : make_plan(results).plan->steps())
    for (const TileProgram::Instruction& instruction : step.program.instructions)
      count += instruction.primitive->name() == name;
  return count;
}

}  // namespace

TEST_CASE("an update runs right behind its gradient") {
  const std::vector<Tensor> ws = weights(6);
  const Tensor x = sines({kBatch, kLayerWidth}, 0.7);
  std::vector<Tensor> updated;
  {
    const std::vector<Tensor> gs = gradients(network(x, ws), ws);
    for (std::size_t i = 0; i < ws.size(); ++i) updated.push_back(ws[i] - gs[i] * 0.01);
  }
  const PlannedGraph graph = make_plan(updated);
  const std::vector<PlanStep>& steps = graph.plan->steps();
  // A gradient is read by the step after the one that makes it, or the one after that.
  std::size_t gradients_seen = 0;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const PlanValue& made = graph.plan->values()[steps[s].outputs[0]];
    if (steps[s].is_program() || made.layout.shape.size() != kLayerWidth * kLayerWidth) continue;
    ++gradients_seen;
    bool is_read_soon = false;
    for (std::size_t later = s + 1; later < std::min(steps.size(), s + 3); ++later)
      for (const int input : steps[later].inputs)
        is_read_soon = is_read_soon || graph.plan->values()[input].storage == made.storage;
    CHECK(is_read_soon);
  }
  CHECK(gradients_seen == ws.size());
}

TEST_CASE("what is needed late is made late") {
  // The products with w are built first, but each is added in its turn.
  const Tensor x = sines({kBatch, kLayerWidth}, 0.3);
  const std::vector<Tensor> ws = weights(8);
  const auto sum_of_products = [&] {
    std::vector<Tensor> products;
    for (const Tensor& w : ws) products.push_back(matmul(x, w));
    Tensor total = matmul(tanh(x), ws[0]);
    for (const Tensor& product : products) total = matmul(tanh(total + product), ws[1]);
    return sum(total);
  };
  CHECK(arena({sum_of_products()}) <= 4 * kActivationBytes + 4096);
  set_plan_optimisations(false);
  const std::size_t as_built = arena({sum_of_products()});
  const double expected = sum_of_products().item();
  set_plan_optimisations(true);
  CHECK(as_built >= 9 * kActivationBytes);
  CHECK(sum_of_products().item() == doctest::Approx(expected).epsilon(1e-5));
}

TEST_CASE("the sigmoid of a silu is computed again in the backward pass, where it is large") {
  const std::vector<Tensor> ws = weights(3);
  const Tensor x = sines({kBatch, kLayerWidth}, 0.7);
  const auto gradients_of = [&](const Tensor& at) { return gradients(network(at, ws), ws); };
  CHECK(instructions_named(gradients_of(x), "sigmoid") ==
        3 * ws.size() -
            1);  // the last layer has both passes in one; the derivative is sigmoid(z) sigmoid(-z)
  // One row: the caches keep it.
  CHECK(instructions_named(gradients_of(sines({1, kLayerWidth}, 0.7)), "sigmoid") == 2 * ws.size());
  set_plan_optimisations(false);
  const std::vector<Tensor> plain = gradients_of(x);
  evaluate(plain);
  set_plan_optimisations(true);
  const std::vector<Tensor> found = gradients_of(x * 1);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(values(found[i]) == values(plain[i]));
}

TEST_CASE("what is made of a value that is kept anyway is computed again in the backward pass") {
  const std::vector<Tensor> ws = weights(8);
  const Tensor x = sines({kBatch, kLayerWidth}, 0.7);
  const Tensor scale = sines({1, kLayerWidth}, 0.2), shift = sines({1, kLayerWidth}, 0.4);
  std::vector<Tensor> wanted = ws;
  wanted.push_back(scale);
  // The gradient of the scale reads every z, that of a matrix every h.
  const auto gradients_of = [&](const Tensor& at) {
    Tensor h = at;
    for (const Tensor& w : ws) {
      const Tensor z = matmul(h, w);
      h = silu(z * scale + shift);
    }
    return gradients(sum(square(h)), wanted);
  };
  CHECK(arena(gradients_of(x)) <= (2 * ws.size() + 2) * kActivationBytes);
  set_plan_optimisations(false);
  const std::vector<Tensor> plain = gradients_of(x);
  evaluate(plain);
  set_plan_optimisations(true);
  const std::vector<Tensor> found = gradients_of(x * 1);
  for (std::size_t i = 0; i < ws.size(); ++i) CHECK(values(found[i]) == values(plain[i]));
}

TEST_CASE("a value is kept where several would have to be kept to compute it again") {
  const std::vector<Tensor> ws = weights(8);
  const Tensor x = sines({kBatch, kLayerWidth}, 0.7);
  const auto gradients_of = [&] {
    Tensor h = x;
    for (const Tensor& w : ws) h = silu(matmul(h, w) + stop_gradient(matmul(h, transpose(w))));
    return gradients(sum(square(h)), ws);
  };
  CHECK(arena(gradients_of()) <= (2 * ws.size() + 3) * kActivationBytes);
}

}  // namespace nabla::test
