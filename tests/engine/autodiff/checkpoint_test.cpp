#include <doctest/doctest.h>

#include <string>

#include "engine/engine.h"
#include "engine/graph/walk.h"
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
    for (int i = 0; i < kLayers; ++i) h = tanh(matmul(h, weights[b * kLayers + i]));
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

TEST_CASE("what a checkpoint starts from may be made of what it captures, or the other way round") {
  const Tensor one = f64({1, 2}, {2});
  // sum 5 w^2, by the capture and by the argument.
  const auto shared = [](const Tensor& w) {
    return sum(checkpoint([&](const Tensor& h) { return h * w; }, w * 5.0));
  };
  CHECK(values(grad(shared, one)) == std::vector<double>{10, 20});
  // sum w (w^2 + 3w): what is captured is made of the argument.
  const auto skip = [](const Tensor& w) {
    const Tensor early = square(w) + w * 3.0;
    return sum(checkpoint([&](const Tensor& h) { return h * early; }, w));
  };
  CHECK(values(grad(skip, one)) == std::vector<double>{3 + 6, 12 + 12});
  // The captured w * 2 is what f computes from its argument.
  const auto met = [](const Tensor& w) {
    const Tensor doubled = w * 2.0;
    return sum(checkpoint([&](const Tensor& h) { return (h * 2.0) * doubled; }, w));
  };
  CHECK(values(grad(met, one)) == std::vector<double>{8, 16});
  // Two arguments that become one tensor only after the derivative was asked for.
  const auto pair = [](const std::vector<Tensor>& v) {
    return std::vector{sum(checkpoint([](const std::vector<Tensor>& h) { return h[0] * sin(h[1]); }, v))};
  };
  const Tensor both = value_and_grad(pair, {one, one}).value;
  CHECK(values(gradients(both, {one})[0])[0] == doctest::Approx(std::sin(1.0) + std::cos(1.0)));
  // Under vmap one argument has a leading axis and what is captured has none, beside a use of both alike.
  const auto mapped = [](const Tensor& w) {
    const Tensor rows = vmap(
        [&](const Tensor& row) {
          return checkpoint([&](const std::vector<Tensor>& h) { return h[0] * w + h[1] * w; },
                            {row, w * 3.0});
        },
        stack({w, w * 2.0}));
    return sum(rows);
  };
  // sum (w + 2w + 6w) w
  CHECK(values(grad(mapped, one)) == std::vector<double>{18, 36});
}

TEST_CASE("a checkpoint inside another keeps what it computes to itself") {
  const Tensor x = f64({.3}, {1});
  // The inner argument is the outer one too, captured: what the inner function builds on it is equal to what
  // the outer one would build on its own.
  const auto nested = [](const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
    return [f](const Tensor& v) {
      return sum(checkpoint(
          [&](const Tensor& outer) {
            return checkpoint([&](const Tensor& inner) { return f(inner, outer); }, v);
          },
          v));
    };
  };
  CHECK(values(grad(nested([](const Tensor& a, const Tensor& b) { return a * 2.0 + b; }), x))[0] == 3);
  CHECK(values(grad(nested([](const Tensor& a, const Tensor& b) { return sin(a) + b; }), x))[0] ==
        doctest::Approx(std::cos(.3) + 1).epsilon(1e-15));
  // a sin a, twice differentiated.
  const auto f = nested([](const Tensor& a, const Tensor& b) { return sin(a) * b; });
  CHECK(values(grad([&](const Tensor& v) { return sum(grad(f, v)); }, x))[0] ==
        doctest::Approx(2 * std::cos(.3) - .3 * std::sin(.3)).epsilon(1e-14));
  // A derivative by a tensor inside, of what another checkpoint on the same argument computes as well.
  const auto inside = nested([](const Tensor& a, const Tensor& b) {
    const Tensor v = a * 1.5;
    return gradients(sum(v * v * v * b), {v})[0];
  });
  CHECK(values(grad(inside, x))[0] == doctest::Approx(3 * 2.25 * 3 * .09).epsilon(1e-14));
}

TEST_CASE("derivatives by one of a checkpoint's starts hold the others, also when they are differentiated") {
  const Tensor x = f64({.5}, {1});
  const Tensor w = f64({.25}, {1});
  const Tensor y = checkpoint([&](const Tensor& h) { return sin(h) * w; }, x);
  const Tensor by_x = gradients(y, {x})[0];
  CHECK(values(by_x)[0] == doctest::Approx(std::cos(.5) * .25));
  CHECK(values(gradients(by_x, {w})[0])[0] == doctest::Approx(std::cos(.5)));
  CHECK(values(gradients(by_x, {x})[0])[0] == doctest::Approx(-std::sin(.5) * .25));
  // A rule's function may capture what nobody differentiates by.
  const CustomDerivative scaled(
      "scaled", [&](const std::vector<Tensor>& v) { return v[0] * w; },
      [&](const std::vector<Tensor>&, const Tensor&, const std::vector<std::optional<Tensor>>& t) {
        return *t[0] * w;
      },
      [&](const std::vector<Tensor>&, const Tensor&, const Tensor& ct) {
        return std::vector<std::optional<Tensor>>{ct * w};
      });
  const Tensor z = checkpoint([&](const Tensor& h) { return scaled({sin(h)}); }, x);
  CHECK(values(gradients(z, {x})[0])[0] == doctest::Approx(std::cos(.5) * .25));
}

TEST_CASE("what a checkpoint computes inside is none of what is built outside, in either mode") {
  const Tensor x = f64({.5}, {1});
  const Tensor v = x * 2.0;
  const Tensor y = checkpoint([](const Tensor& h) { return sin(h * 2.0); }, x);
  CHECK(values(gradients(y, {v})[0]) == std::vector<double>{0});
  const Tensor one = ones({1}, DType::f64);
  CHECK(!jvp(y, v, one));
}

namespace {

// Steps of a solver that share one weight, each under a checkpoint: fourth-order Runge-Kutta of an MLP.
Tensor solved(const Tensor& x, const Tensor& w, int steps, bool nested = false) {
  const auto field = [&](const Tensor& h) { return matmul(tanh(matmul(h, w)), transpose(w)); };
  const auto step = [&](const Tensor& h) {
    const Tensor k1 = field(h);
    const Tensor k2 = field(h + k1 * 0.05);
    const Tensor k3 = field(h + k2 * 0.05);
    const Tensor k4 = field(h + k3 * 0.1);
    return h + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (0.1 / 6);
  };
  // Halves of halves, so that the depth of nesting is the logarithm of the number of steps.
  const std::function<Tensor(const Tensor&, int)> halves = [&](const Tensor& h, int count) {
    if (count == 1) return checkpoint(step, h);
    const auto first = [&](const Tensor& at) { return halves(at, count / 2); };
    const auto second = [&](const Tensor& at) { return halves(at, count - count / 2); };
    return checkpoint(second, checkpoint(first, h));
  };
  if (nested) return halves(x, steps);
  Tensor h = x;
  for (int i = 0; i < steps; ++i) h = checkpoint(step, h);
  return h;
}

struct Work {
  std::size_t nodes;
  std::uint64_t walked;
};
Work work_of_gradient(int steps, bool nested = false) {
  const Tensor x = sin(counting({4, 3})).detach();
  const Tensor w = (sin(counting({3, 5})) * 0.5).detach();
  const std::size_t before = live_node_count();
  const std::uint64_t walked = walked_node_count();
  const std::vector<Tensor> found = gradients(sum(square(solved(x, w, steps, nested))), {w, x});
  return {live_node_count() - before, walked_node_count() - walked};
}

}  // namespace

TEST_CASE("the gradient of a chain of checkpoints with a shared weight grows like the chain") {
  const Work short_chain = work_of_gradient(10);
  const Work chain = work_of_gradient(20);
  const Work long_chain = work_of_gradient(40);
  CHECK(long_chain.nodes - chain.nodes == 2 * (chain.nodes - short_chain.nodes));
  CHECK(long_chain.walked - chain.walked == 2 * (chain.walked - short_chain.walked));
  // Each level of nesting computes everything once more; it does not multiply.
  CHECK(work_of_gradient(32, true).nodes < 8 * work_of_gradient(32).nodes);
}

TEST_CASE("a chain of checkpointed steps of a solver has the gradient of the chain") {
  const Tensor x = sin(counting({4, 3})).detach();
  const Tensor w = (sin(counting({3, 5})) * 0.5).detach();
  const auto plain = [&](const std::vector<Tensor>& v) {
    Tensor h = v[0];
    for (int i = 0; i < 12; ++i) {
      const auto field = [&](const Tensor& at) { return matmul(tanh(matmul(at, v[1])), transpose(v[1])); };
      const Tensor k1 = field(h);
      const Tensor k2 = field(h + k1 * 0.05);
      const Tensor k3 = field(h + k2 * 0.05);
      const Tensor k4 = field(h + k3 * 0.1);
      h = h + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (0.1 / 6);
    }
    return std::vector{sum(square(h))};
  };
  const std::vector<Tensor> expected = value_and_grad(plain, {x, w}).grads;
  for (const bool nested : {false, true}) {
    const auto chained = [&](const std::vector<Tensor>& v) {
      return std::vector{sum(square(solved(v[0], v[1], 12, nested)))};
    };
    const std::vector<Tensor> found = value_and_grad(chained, {x, w}).grads;
    for (std::size_t i = 0; i < 2; ++i) CHECK(distance(found[i], expected[i]) < 1e-12);
  }
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
  CHECK(contains(error_of([&] { checkpoint([](const Tensor&) { return Tensor(); }, x); }),
                 "checkpoint: the function returned an empty tensor"));
  CHECK(contains(error_of([&] { checkpoint([](const Tensor& at) { return at * sum(at).item(); }, x); }),
                 "may not read values"));
  // Compiled functions are called with a variable and become part of f.
  const auto cube = compile([](const Tensor& at) { return at * square(at); });
  CHECK(values(gradients(sum(checkpoint([&](const Tensor& at) { return cube(at); }, x)), {x})[0]) ==
        std::vector<double>{3, 12, 27});
}

}  // namespace nabla::test
