#include "engine/autodiff/contraction/jacobian_contraction.h"

#include <functional>
#include <random>

#include "engine/explain/explain.h"
#include "engine/explain/explain_jacobian.h"
#include "engine/ops/substitute.h"
#include "tests/engine/numbers.h"
#include "tests/program_count.h"

// The contraction planner against D tangents.

namespace nabla::test {
namespace {

ContractionPlan plan_of(const Field& v, const Tensor& x, EliminationGoal goal = EliminationGoal::trace) {
  const Tensor at = variable(x.shape(), x.dtype());
  return plan_contraction(linear_graph(v(at), at), goal);
}

bool is_contracted(const Field& v, const Tensor& x) {
  return explain_divergence(v, x).chosen_contraction() != nullptr;
}

Tensor by(JacobianMethod method, const Field& v, const Tensor& x, std::int64_t bytes = 1 << 28) {
  return divergence(v, x, {.method = method, .tangent_bytes = bytes});
}

constexpr JacobianMethod kExact[] = {JacobianMethod::automatic, JacobianMethod::reverse,
                                     JacobianMethod::contraction, JacobianMethod::loop_cut};

// Networks of everything that the planner knows: products, shared weights, residual branches, per-sample
// scales and shifts, masks, norms, softmax, views, and layers that read a second input.
class Networks {
 public:
  explicit Networks(std::uint64_t seed) : random_(seed) {}

  struct Case {
    Field field;
    Tensor x;
  };
  Case next() {
    const std::int64_t batch = 1 + pick(4);
    // Wide ones, at times: norms are of low rank only there.
    const std::int64_t extent = pick(4) == 0 ? 8 + pick(9) : 1 + pick(8);
    batch_ = batch;
    condition_ = numbers({batch, 1 + pick(3)});
    const Tensor x = numbers({batch, extent});
    std::vector<Field> layers;
    std::int64_t width = extent;
    shared_ = {};
    for (int count = 1 + pick(5); count > 0; --count) layers.push_back(layer(width));
    const Tensor last = numbers({width, extent});
    const bool skips = pick(3) == 0;
    return {[=](const Tensor& at) {
              Tensor h = at;
              for (const Field& f : layers) h = f(h);
              h = matmul(h, last);
              return skips ? at * 0.5 + h : h;
            },
            x};
  }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<std::uint64_t>(count)); }
  Tensor numbers(const Shape& shape) {
    std::normal_distribution<double> normal;
    std::vector<double> values(shape.size());
    for (double& value : values) value = normal(random_) * 0.7;
    return f64(values, shape);
  }
  static Tensor activate(int which, const Tensor& h) {
    if (which == 0) return nabla::tanh(h);
    return which == 1 ? silu(h) : relu(h);
  }
  static Tensor centred(const Tensor& h) { return h - mean(h, {-1}, true); }

  Field layer(std::int64_t& width) {
    const int act = pick(3);
    switch (pick(11)) {
      case 0:
      case 1: {
        const std::int64_t next = pick(4) == 0 ? 8 + pick(9) : 1 + pick(8);
        const Tensor w = numbers({width, next}), b = numbers({next});
        width = next;
        return [=](const Tensor& h) { return activate(act, matmul(h, w) + b); };
      }
      case 2: {  // a residual branch through a narrow or wide middle
        const std::int64_t middle = 1 + pick(6);
        const Tensor down = numbers({width, middle}), up = numbers({middle, width});
        return [=](const Tensor& h) { return h + matmul(activate(act, matmul(h, down)), up); };
      }
      case 3: {  // FiLM: a scale and a shift for each sample
        const Tensor scale = numbers({batch_, width}), shift = numbers({batch_, 1});
        return [=](const Tensor& h) { return h * (scale + 1.0) + shift; };
      }
      case 4: {  // a dropout mask
        const Tensor mask = greater(numbers({batch_, width}), -0.3);
        return [=](const Tensor& h) { return select(mask, h * 1.25, 0.0); };
      }
      case 5: {  // layer norm
        const Tensor gain = numbers({width});
        return [=](const Tensor& h) {
          const Tensor c = centred(h);
          return c * rsqrt(mean(square(c), {-1}, true) + 0.1) * gain;
        };
      }
      case 8: {  // a network of a second input, time or a class say, that scales, shifts and gates
        const std::int64_t inputs = condition_->shape()[-1];
        const Tensor a = numbers({inputs, width}), b = numbers({inputs, width}), c = *condition_;
        return [=](const Tensor& h) {
          return h * (activate(act, matmul(c, a)) + 1.0) + h * sigmoid(matmul(c, b) + h) + matmul(c, b);
        };
      }
      case 9: {  // samples on the innermost axis
        const std::int64_t next = 1 + pick(8);
        const Tensor w = numbers({next, width}), b = numbers({next, 1});
        width = next;
        return [=](const Tensor& h) { return transpose(activate(act, matmul(w, transpose(h)) + b)); };
      }
      case 6:  // rms norm
        return [](const Tensor& h) { return h * rsqrt(mean(square(h), {-1}, true) + 0.1); };
      case 7: {  // the same weight again and again
        if (!shared_ || shared_->shape()[0] != width) shared_ = numbers({width, width});
        const Tensor w = *shared_;
        return
            [=](const Tensor& h) { return activate(act, matmul(activate(act, matmul(h, w)), transpose(w))); };
      }
      default: {  // gates and views
        const Tensor w = numbers({width, width});
        return [=](const Tensor& h) { return h * sigmoid(matmul(flip(h, -1), w)) + softmax(h, -1); };
      }
    }
  }

  std::mt19937_64 random_;
  std::int64_t batch_ = 1;
  std::optional<Tensor> shared_, condition_;
};

}  // namespace

TEST_CASE("all exact methods agree, for 1000 random networks") {
  const int count = static_cast<int>(program_count());
  Networks networks(1);
  int cheaper = 0;
  for (int i = 0; i < count; ++i) {
    const auto [field, x] = networks.next();
    INFO("network ", i);
    const Tensor diagonal = jacobian_diagonal(field, x, {.method = JacobianMethod::forward});
    const Tensor expected = by(JacobianMethod::forward, field, x);
    const std::vector<double> size = values(sum(abs(diagonal), {-1}) + 1.0);
    const auto agree = [&](const Tensor& found) {
      const std::vector<double> off = values(found - expected);
      REQUIRE(off.size() == size.size());
      for (std::size_t b = 0; b < off.size(); ++b) CHECK(std::abs(off[b]) <= 1e-10 * size[b]);
    };
    for (const JacobianMethod method : kExact) agree(by(method, field, x));
    const ContractionPlan plan = plan_of(field, x);
    REQUIRE(plan.orders.size() == 4);
    for (const EliminationOrder& order : plan.orders) {
      CHECK(plan.orders.front().cost.total(x.shape()[0]) <= order.cost.total(x.shape()[0]));
    }
    cheaper += plan.orders.front().name == "searched";
    const double scale = sum(abs(diagonal)).item() + 1;
    for (const JacobianMethod method : kExact)
      CHECK(distance(jacobian_diagonal(field, x, {.method = method}), diagonal) <= 1e-10 * scale);
    // With pieces that are applied, all of them or the larger ones.
    const Tensor at = variable(x.shape(), x.dtype());
    const Tensor y = field(at);
    const std::int64_t formed_elements = i % 3 == 0 ? 0 : i % 40;
    const auto contract = [&](EliminationGoal goal, std::int64_t at_once) {
      const ContractionPlan applied = plan_contraction(linear_graph(y, at, formed_elements), goal);
      const Tensor found = contract_in_order(applied, applied.orders[static_cast<std::size_t>(i) % 4],
                                             at_once, applied.graph.samples);
      return substitute(found, at, x);
    };
    agree(contract(EliminationGoal::trace, 4));
    CHECK(distance(contract(EliminationGoal::diagonal, i % 2 ? 1 : 4), diagonal) <= 1e-10 * scale);
    if (i % 5 != 0) continue;
    // In pieces of one sample, and whole.
    agree(by(JacobianMethod::contraction, field, x, 1));
    const Tensor whole = sample_jacobian(field, x, {.method = JacobianMethod::forward});
    for (const JacobianMethod method : kExact)
      CHECK(distance(sample_jacobian(field, x, {.method = method, .tangent_bytes = i % 2 ? 1 : 1 << 28}),
                     whole) <= 1e-10 * (reduce_max(abs(whole)).item() + 1));
    CHECK(distance(contract(EliminationGoal::whole, 4), whole) <=
          1e-10 * (reduce_max(abs(whole)).item() + 1));
  }
  CHECK(cheaper > count / 20);
}

TEST_CASE("deep residual networks: too many vertices to search, and sums of many products") {
  const auto weight = [](std::int64_t m, std::int64_t n, std::uint64_t key) {
    return cast(normal(random_key(key), {m, n}) * 0.3, DType::f64).detach();
  };
  const Tensor x = weight(3, 6, 1);
  for (const int blocks : {6, 24}) {
    const Field v = [&](const Tensor& at) {
      Tensor h = at;
      for (int i = 0; i < blocks; ++i) {
        const Tensor c = h - mean(h, {-1}, true);
        const std::uint64_t key = static_cast<std::uint64_t>(10 * i);
        h = h + matmul(silu(matmul(c * rsqrt(mean(square(c), {-1}, true) + 0.1), weight(6, 4, key + 2))),
                       weight(4, 6, key + 3));
      }
      return h;
    };
    const std::size_t orders = plan_of(v, x).orders.size();
    CHECK(orders == (blocks == 24 ? 3 : 4));
    CHECK(distance(by(JacobianMethod::contraction, v, x), by(JacobianMethod::forward, v, x)) < 1e-10);
  }
}

TEST_CASE("two hidden layers cost one product of shared matrices and a bilinear form") {
  const auto weight = [](std::int64_t m, std::int64_t n, std::uint64_t key) {
    return cast(normal(random_key(key), {m, n}) * 0.2, DType::f64).detach();
  };
  const Tensor w1 = weight(40, 64, 1), w2 = weight(64, 48, 2), w3 = weight(48, 40, 3);
  const Tensor x = weight(6, 40, 4);
  const Field v = [&](const Tensor& at) {
    return matmul(nabla::tanh(matmul(nabla::tanh(matmul(at, w1)), w2)), w3);
  };
  const ContractionPlan plan = plan_of(v, x);
  CHECK(plan.graph.applied.empty());
  const EliminationCost cost = plan.orders.front().cost;
  // W1 W3 and its product with W2, element by element; then d1^T S d2.
  CHECK(cost.once >= 2.0 * 64 * 40 * 48);
  CHECK(cost.once <= 2.0 * 64 * 40 * 48 + 10.0 * 64 * 48);
  CHECK(cost.per_sample <= 2.0 * 64 * 48 + 20.0 * (64 + 48 + 40));
}

TEST_CASE("a contracted trace is differentiable, by the argument and by the weights, and compiles") {
  const Tensor w1 = f64({0.3, -0.2, 0.5, 0.1, 0.7, -0.4}, {2, 3}),
               w2 = f64({0.2, 0.6, -0.5, 0.3, 0.9, -0.1}, {3, 2});
  const Tensor x = f64({0.1, 0.2, -0.3, 0.4}, {2, 2});
  const auto loss = [&](JacobianMethod method) {
    return [=](const std::vector<Tensor>& p) {
      const Field v = [&](const Tensor& at) {
        return matmul(nabla::tanh(matmul(at, p[0])), p[1]) + at * square(at);
      };
      return std::vector<Tensor>{sum(square(by(method, v, p[2])))};
    };
  };
  const std::vector<Tensor> at{w1, w2, x};
  const auto expected = value_and_grad(loss(JacobianMethod::forward), at);
  const auto found = value_and_grad(loss(JacobianMethod::contraction), at);
  for (std::size_t i = 0; i < at.size(); ++i) CHECK(distance(found.grads[i], expected.grads[i]) < 1e-12);
  const auto compiled = compile(
      std::function<std::vector<Tensor>(const std::vector<Tensor>&)>(loss(JacobianMethod::contraction)));
  CHECK(std::abs(compiled(at)[0].item() - expected.value.item()) < 1e-12);
}

TEST_CASE("products of weights run again when a weight has a new version, and only then") {
  const Tensor first = cast(normal(random_key(1), {96, 96}) * 0.1, DType::f64).detach();
  const Tensor x = cast(normal(random_key(2), {4, 96}), DType::f64).detach();
  Cell w(first);
  const auto trace = [&](JacobianMethod method) {
    return [&w, method](const Tensor& at) {
      const Field v = [&](const Tensor& z) {
        return matmul(nabla::tanh(matmul(nabla::tanh(matmul(z, w.get())), w.get())), w.get());
      };
      return divergence(v, at, {.method = method});
    };
  };
  const auto contracted = compile(std::function<Tensor(const Tensor&)>(trace(JacobianMethod::contraction)));
  const auto check = [&] {
    const Tensor expected = trace(JacobianMethod::forward)(x);
    CHECK(distance(contracted(x), expected) < 1e-10);
    CHECK(distance(contracted((x * 0.5).detach()), expected) > 1e-3);
  };
  check();
  check();
  const std::uint64_t runs = contracted.statistics().prologue_runs;
  w.assign((first * 1.25).detach());
  check();
  check();
  CHECK(contracted.statistics().prologue_runs == runs + 1);
}

TEST_CASE("automatic contracts what is large, and pushes tangents through what can only be applied") {
  const Tensor w = cast(normal(random_key(1), {96, 96}) * 0.1, DType::f64).detach();
  const Tensor x = cast(normal(random_key(2), {4, 96}), DType::f64).detach();
  const Field mlp = [&](const Tensor& at) {
    return matmul(nabla::tanh(matmul(nabla::tanh(matmul(at, w)), w)), w);
  };
  CHECK(is_contracted(mlp, x));
  // Sorting is a permutation of each sample.
  const Field sorted = [&](const Tensor& at) {
    return matmul(gather(matmul(at, w), argsort(matmul(at, w), -1), -1), w);
  };
  CHECK(distance(by(JacobianMethod::contraction, sorted, x), by(JacobianMethod::forward, sorted, x)) < 1e-12);
  // A matrix that would not fit anywhere is not formed: vectors go through what it stands for.
  const Tensor narrow = cast(normal(random_key(3), {8200, 3}), DType::f64).detach();
  const Tensor picture = cast(normal(random_key(4), {2, 8200}) * 0.01, DType::f64).detach();
  const Field flipped = [&](const Tensor& at) {
    return matmul(nabla::tanh(matmul(flip(at, -1), narrow)), transpose(narrow)) * at;
  };
  CHECK(contains(plan_of(flipped, picture).graph.applied.at(0).node, "flip"));
  CHECK(is_contracted(flipped, picture));
  const std::vector<double> at_cut = values(by(JacobianMethod::contraction, flipped, picture));
  const std::vector<double> by_tangents = values(by(JacobianMethod::forward, flipped, picture));
  for (std::size_t b = 0; b < 2; ++b) CHECK(at_cut[b] == doctest::Approx(by_tangents[b]).epsilon(1e-10));
  // Nothing depends on the argument.
  const Field constant = [&](const Tensor& at) { return stop_gradient(at) * 2.0; };
  CHECK(distance(by(JacobianMethod::contraction, constant, x), zeros({4}, DType::f64)) == 0);
  const Field same = [&](const Tensor& at) { return at; };
  CHECK(distance(by(JacobianMethod::contraction, same, x), full({4}, 96, DType::f64)) == 0);
}

TEST_CASE("a field may compute in another type on its way") {
  for (const DType type : {DType::f64, DType::f32}) {
    const DType inside = type == DType::f64 ? DType::f32 : DType::f64;
    const Tensor w = (normal(random_key(1), {9, 9}, inside) * 0.4).detach();
    const Tensor x = normal(random_key(2), {3, 9}, type).detach();
    const Field v = [&](const Tensor& at) {
      return cast(sort(nabla::tanh(matmul(cast(at, inside), w)), -1), type) * at;
    };
    for (const JacobianMethod method : kExact) {
      const Tensor found = by(method, v, x);
      CHECK(found.dtype() == type);
      CHECK(distance(found, by(JacobianMethod::forward, v, x)) < 1e-5);
      const Tensor whole = sample_jacobian(v, x, {.method = method});
      CHECK(whole.dtype() == type);
      CHECK(distance(whole, sample_jacobian(v, x, {.method = JacobianMethod::forward})) < 1e-5);
    }
  }
}

TEST_CASE("what a select leaves out stays out, as with tangents") {
  const Tensor w = cast(normal(random_key(1), {128, 128}) * 0.1, DType::f64).detach();
  const Tensor x = cast(normal(random_key(2), {32, 128}), DType::f64).detach();
  const Field v = [&](const Tensor& at) {
    const Tensor h = matmul(at, w);  // roots of negative numbers, and logarithms of zero
    const Tensor first = select(greater(h, 0.0), nabla::log(nabla::sqrt(h) * 2.0), 0.0);
    const Tensor entropy = select(greater(h, 0.0), h * nabla::log(h), h);  // reached by two ways
    return matmul(first + select(greater(h, 0.0), nabla::log(h), h) + entropy, w);
  };
  REQUIRE(is_contracted(v, x));
  const Tensor expected = by(JacobianMethod::forward, v, x);
  CHECK(distance(by(JacobianMethod::automatic, v, x), expected) < 1e-10);
  CHECK(distance(by(JacobianMethod::contraction, v, x), expected) < 1e-10);
}

TEST_CASE("ways without a map between the same vertices are one") {
  const Tensor w = cast(normal(random_key(1), {6, 6}) * 0.4, DType::f64).detach();
  const Tensor x = cast(normal(random_key(2), {3, 6}), DType::f64).detach();
  const Field v = [&](const Tensor& at) {
    Tensor before = at, h = nabla::tanh(matmul(at, w));
    for (int i = 0; i < 60; ++i) {  // 10^12 of them
      const Tensor next = before + h;
      before = h * 0.5;
      h = next;
    }
    Tensor last = h, most = h;
    for (int i = 0; i < 60; ++i) {
      const Tensor next = last + most;
      last = most;
      most = next;
    }
    return most;
  };
  const Tensor expected = by(JacobianMethod::forward, v, x);
  const double scale = reduce_max(abs(expected)).item();
  CHECK(distance(by(JacobianMethod::contraction, v, x), expected) < 1e-12 * scale);
}

TEST_CASE("what is applied takes all samples at once, and the vectors that go through it are counted") {
  const Tensor up = cast(normal(random_key(1), {12, 96}) * 0.2, DType::f64).detach();
  const Tensor down = cast(normal(random_key(2), {96, 12}) * 0.2, DType::f64).detach();
  const Tensor x = cast(normal(random_key(3), {8, 12}), DType::f64).detach();
  const Tensor at = variable(x.shape(), x.dtype());
  const Tensor y = matmul(nabla::tanh(sort(matmul(at, up), -1)), down);
  for (const EliminationGoal goal : {EliminationGoal::trace, EliminationGoal::whole}) {
    const ContractionPlan plan = plan_contraction(linear_graph(y, at, /*matrix_elements=*/0), goal);
    const auto operations = [&](std::int64_t at_once) {
      const auto f = compile(std::function<Tensor(const Tensor&)>([&](const Tensor& z) {
        const Tensor found = contract_in_order(plan, plan.orders.front(), at_once, 8);
        return substitute(found, at, z);
      }));
      evaluate({f(x)});
      double total = 0;
      for (const NamedPlan& part : f.plans()) total += cost_of(*part.plan).flops;
      return total;
    };
    CHECK(operations(1) == operations(8));
    // Two products of 12 vectors with 12 x 96 elements for each sample.
    const EliminationCost& cost = plan.orders.front().cost;
    CHECK(cost.total(8) >= 8 * 4.0 * 12 * 12 * 96);
  }
  // Matrices of each sample are bounded together.
  const std::vector<LinearGraph::Applied> applied = linear_graph(y, at, 96 * 96).applied;
  REQUIRE(applied.size() == 1);
  CHECK(applied[0].node.starts_with("gather [8, 96] built at "));
  CHECK(applied[0].reason ==
        "taken sample by sample its 8 matrices of 96 x 96 are more than the 9216 elements that are "
        "formed");
  CHECK(linear_graph(y, at, 8 * 96 * 96).applied.empty());
}

TEST_CASE("the ways to a divergence are explained") {
  const Tensor w = cast(normal(random_key(1), {96, 96}) * 0.1, DType::f64).detach();
  const Tensor x = cast(normal(random_key(2), {4, 96}), DType::f64).detach();
  const Field mlp = [&](const Tensor& at) {
    return matmul(nabla::tanh(matmul(nabla::tanh(matmul(at, w)), w)), w);
  };
  const std::string text = explain_divergence(mlp, x).text();
  CHECK(contains(text, "divergence of 4 samples of 96 elements"));
  CHECK(contains(text, "[96]: matrix\n"));
  CHECK(contains(text, "diagonal of each sample"));
  CHECK(contains(text, "96 tangents"));
  CHECK(explain_divergence(mlp, x).saving() > 3);
  const std::string picture = explain_divergence(mlp, x).svg();
  CHECK(picture.starts_with("<svg xmlns="));
  CHECK(picture.ends_with("</svg>\n"));
  CHECK(contains(picture, ">x</text>"));
  CHECK(contains(picture, ">D W 96×96</text>"));
  CHECK(contains(picture, "fill=\"#2d7d46\""));  // a number of the order
  CHECK(contains(
      text,
      "chosen: contracted, searched, because it takes the least work\nvertices are eliminated in the "
      "order v"));
  CHECK(contains(explain_divergence(mlp, x, {.method = JacobianMethod::forward}).text(),
                 "chosen: 96 tangents, because it was asked for"));
  CHECK(contains(explain_divergence(mlp, x, {.method = JacobianMethod::reverse}).text(),
                 "chosen: 96 cotangents, because it was asked for"));
  CHECK(contains(explain_divergence(mlp, x, {.method = JacobianMethod::loop_cut}).text(),
                 "chosen: contracted, cut at 96, because it was asked for"));
  CHECK(contains(error_of([&] { explain_divergence(mlp, x, {.method = JacobianMethod::hutchinson}); }),
                 "explain_divergence: colourings and estimates"));
  const Field small = [](const Tensor& at) { return nabla::tanh(at); };
  CHECK(contains(explain_divergence(small, x).text(), "no contraction takes less work"));
  const Field flipped = [](const Tensor& at) { return flip(at, -1) * 2.0; };
  CHECK(contains(explain_divergence(flipped, zeros({1, 8200})).text(),
                 "applied, not formed: flip [1, 8200] built at "));
  CHECK(contains(explain_divergence(flipped, zeros({1, 8200})).text(),
                 ", because its matrix of 8200 x 8200 is more than the 67108864 elements that are formed\n"));
}

}  // namespace nabla::test
