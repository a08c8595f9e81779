#include <doctest/doctest.h>

#include <string>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

constexpr std::int64_t kRows = 64;
constexpr std::int64_t kWidth = 32;
constexpr int kBlocks = 8;
constexpr int kLayers = 4;

// Products keep the layers apart: nothing is computed again for free inside one tile.
struct Net {
  std::vector<Tensor> weights;
  Net() {
    for (int i = 0; i < kBlocks * kLayers; ++i)
      weights.push_back((sin(counting({kWidth, kWidth}) * (i + 1)) * 0.2).detach());
  }
  Tensor block(const Tensor& x, int b) const {
    Tensor h = x;
    for (int i = 0; i < kLayers; ++i) h = tanh(matmul(h, weights[static_cast<std::size_t>(b * kLayers + i)]));
    return h;
  }
  Tensor operator()(const Tensor& x, bool checkpoints) const {
    Tensor h = x;
    for (int b = 0; b < kBlocks; ++b)
      h = checkpoints ? checkpoint([&](const Tensor& at) { return block(at, b); }, h) : block(h, b);
    return sum(square(h));
  }
};

Tensor input() { return sin(counting({kRows, kWidth})).detach(); }

std::vector<Tensor> gradients_of(const Net& net, const Tensor& x, bool checkpoints) {
  std::vector<Tensor> xs = net.weights;
  xs.push_back(x);
  return gradients(net(x, checkpoints), xs);
}

std::size_t products_in(const std::vector<Tensor>& results) {
  std::size_t count = 0;
  for (const PlanStep& step : make_plan(results).plan->steps())
    count += step.primitive && step.primitive->name() == "contraction";
  return count;
}

}  // namespace

TEST_CASE("a checkpointed gradient is the gradient to the last bit, from less memory and more products") {
  const Net net;
  const Tensor x = input();
  const std::vector<Tensor> plain = gradients_of(net, x, false);
  const std::vector<Tensor> late = gradients_of(net, x, true);
  const std::size_t all = make_plan(plain).plan->arena_bytes();
  const std::size_t few = make_plan(late).plan->arena_bytes();
  constexpr std::size_t kActivation = kRows * kWidth * sizeof(double);
  // Without: every layer's values. With: one per block, those of one block, and a few that pass through.
  CHECK(all >= kBlocks * kLayers * kActivation);
  CHECK(few <= (kBlocks + kLayers + 4) * kActivation);
  constexpr std::size_t kForward = kBlocks * kLayers;
  CHECK(products_in(plain) == 3 * kForward);
  // The last layer of a block is computed again as well: its derivative is made of its output.
  CHECK(products_in(late) == 4 * kForward);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(values(late[i]) == values(plain[i]));
}

TEST_CASE("forward mode through a checkpoint computes nothing twice") {
  const Net net;
  const Tensor x = input();
  const auto tangent = [&](bool checkpoints) {
    return jvp([&](const Tensor& at) { return net(at, checkpoints); }, x, ones(x.shape(), x.dtype())).tangent;
  };
  CHECK(products_in({tangent(true)}) == products_in({tangent(false)}));
  CHECK(values(tangent(true)) == values(tangent(false)));
}

TEST_CASE("a Hessian-vector product through checkpoints, in both orders of modes, and inside compile") {
  const Net net;
  const Tensor x = input();
  const Tensor direction = cos(counting({kRows, kWidth})).detach();
  const auto forward_over_reverse = [&](const Tensor& at, bool checkpoints) {
    return jvp([&](const Tensor& p) { return grad([&](const Tensor& q) { return net(q, checkpoints); }, p); },
               at, direction)
        .tangent;
  };
  const auto reverse_over_forward = [&](const Tensor& at, bool checkpoints) {
    return grad(
        [&](const Tensor& p) {
          return jvp([&](const Tensor& q) { return net(q, checkpoints); }, p, direction).tangent;
        },
        at);
  };
  const std::vector<double> expected = values(forward_over_reverse(x, false));
  const auto close = [&](const Tensor& found) {
    const std::vector<double> v = values(found);
    for (std::size_t i = 0; i < v.size(); ++i) CHECK(v[i] == doctest::Approx(expected[i]).epsilon(1e-11));
  };
  close(forward_over_reverse(x, true));
  close(reverse_over_forward(x, true));
  close(compile([&](const Tensor& at) { return forward_over_reverse(at, true); })(x));
}

TEST_CASE("the corners of checkpoint") {
  const Tensor x = f64({1, 2, 3}, {3});
  const Tensor y = f64({4, 5, 6}, {3});
  CHECK(values(checkpoint([](const Tensor& at) { return at; }, x)) == values(x));
  CHECK(values(checkpoint([&](const Tensor&) { return y; }, x)) == values(y));
  const auto ignores = [&](const Tensor& at) {
    return sum(checkpoint([&](const std::vector<Tensor>& v) { return square(v[0]); }, {at, y}));
  };
  CHECK(values(grad(ignores, x)) == std::vector<double>{2, 4, 6});
  const auto twice = [&](const Tensor& at) {
    return sum(checkpoint([&](const std::vector<Tensor>& v) { return v[0] * v[1]; }, {at, at}));
  };
  CHECK(values(grad(twice, x)) == std::vector<double>{2, 4, 6});
  CHECK(contains(
      error_of([&] { checkpoint([&](const std::vector<Tensor>&) { return y; }, std::vector<Tensor>{}); }),
      "checkpoint: the function has no arguments"));
}

}  // namespace nabla::test
