#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "nn/adam.h"
#include "nn/ema.h"
#include "nn/schedule.h"
#include "nn/state.h"

namespace nabla::nn {
namespace {

class Numbers : public Module {
 public:
  explicit Numbers(const std::vector<double>& values) {
    add_parameter("x", tensor(values, Shape{static_cast<std::int64_t>(values.size())}));
  }
};

// A gradient that changes from step to step.
double gradient_at(std::int64_t step, double x) { return 2 * x + std::sin(static_cast<double>(step)); }

// Algorithm 1 of arXiv 1412.6980 and algorithm 2 of arXiv 1711.05101, as they are written there.
struct Reference {
  double x, m = 0, v = 0;
  void step(std::int64_t n, double rate, double decay) {
    const double g = gradient_at(n, x);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const double m_hat = m / (1 - std::pow(0.9, static_cast<double>(n)));
    const double v_hat = v / (1 - std::pow(0.999, static_cast<double>(n)));
    x -= rate * (m_hat / (std::sqrt(v_hat) + 1e-8) + decay * x);
  }
};

void check_against_reference(double decay) {
  const Numbers module({1.5, -0.25, 0});
  Adam adam(module, {.weight_decay = decay});
  std::vector<Reference> references{{1.5}, {-0.25}, {0}};
  for (std::int64_t n = 1; n <= 8; ++n) {
    const double rate = 0.1 / static_cast<double>(n);
    const Tensor x = module.leaves()[0];
    const Tensor gradient = x * 2 + std::sin(static_cast<double>(n));
    commit(adam.updates({gradient}, rate));
    const std::vector<double> found = module.leaves()[0].to_vector<double>();
    for (std::size_t i = 0; i < references.size(); ++i) {
      references[i].step(n, rate, decay);
      CHECK(found[i] == doctest::Approx(references[i].x).epsilon(1e-12));
    }
  }
  CHECK(adam.steps() == 8);
}

}  // namespace

TEST_CASE("Adam takes the steps of its paper") { check_against_reference(0); }

TEST_CASE("AdamW decays the parameters apart from the gradient") { check_against_reference(0.3); }

TEST_CASE("Adam's first step has the length of the learning rate, whatever the gradient's size") {
  for (const double size : {1e-3, 1.0, 1e3}) {
    const Numbers module({0});
    Adam adam(module);
    commit(adam.updates({full(Shape{1}, size, DType::f64)}, 0.25));
    CHECK(module.leaves()[0].item() == doctest::Approx(-0.25).epsilon(1e-4));
  }
}

TEST_CASE("every step builds the same graph") {
  const Numbers module({1, 2});
  Adam adam(module, {.weight_decay = 0.1});
  Ema ema(module, 0.9);
  std::string first;
  for (int step = 0; step < 3; ++step) {
    std::vector<Update> updates = adam.updates({module.leaves()[0] * 2}, 0.1 * step);
    const std::vector<Update> averages = ema.updates(updates);
    updates.insert(updates.end(), averages.begin(), averages.end());
    std::vector<Tensor> values;
    for (const Update& update : updates) values.push_back(update.value);
    if (step == 1) first = to_text(values);
    if (step == 2) CHECK(to_text(values) == first);
    commit(updates);
  }
}

TEST_CASE("a step that is built and not committed does not count") {
  const Numbers module({1.5});
  const Numbers other({0});
  Adam adam(module);
  Ema ema(module, 0.5);
  Reference reference{1.5};
  for (std::int64_t n = 1; n <= 3; ++n) {
    const Tensor gradient = module.leaves()[0] * 2 + std::sin(static_cast<double>(n));
    std::vector<Update> updates = adam.updates({gradient}, 0.1);
    const std::vector<Update> averages = ema.updates(updates);
    updates.insert(updates.end(), averages.begin(), averages.end());

    std::vector<Update> failing = updates;
    failing.push_back({other.parameters()[0].cell, zeros(Shape{2}, DType::f64)});
    CHECK_THROWS_AS(commit(failing), Error);
    CHECK(adam.steps() == n - 1);
    CHECK(ema.steps() == n - 1);

    updates = adam.updates({gradient}, 0.1);
    const std::vector<Update> again = ema.updates(updates);
    updates.insert(updates.end(), again.begin(), again.end());
    commit(updates);
    reference.step(n, 0.1, 0);
    CHECK(module.leaves()[0].item() == doctest::Approx(reference.x).epsilon(1e-12));
    CHECK(adam.steps() == n);
    CHECK(ema.steps() == n);
    if (n == 1) CHECK(ema.averages()[0].item() == doctest::Approx(reference.x).epsilon(1e-12));
  }
}

TEST_CASE("training does not pile up nodes") {
  const Numbers module({1, 2});
  Adam adam(module);
  Ema ema(module, 0.9);
  std::size_t early = 0;
  std::size_t late = 0;
  for (int step = 0; step < 20; ++step) {
    const LossAndGradients result =
        value_and_grad(module, [&]() -> std::vector<Tensor> { return {sum(square(module.leaves()[0]))}; });
    std::vector<Update> updates = adam.updates(result.gradients, 0.1);
    const std::vector<Update> averages = ema.updates(updates);
    updates.insert(updates.end(), averages.begin(), averages.end());
    commit(updates, {result.loss});
    if (step == 2) early = live_node_count();
    if (step == 19) late = live_node_count();
  }
  CHECK(early == late);
}

TEST_CASE("the moving average weighs steps geometrically and leaves the initial values out") {
  const Numbers module({100});
  Ema ema(module, 0.5);
  CHECK_THROWS_WITH_AS(ema.averages(), doctest::Contains("no average before the first step"), Error);
  for (const double value : {1.0, 2.0, 4.0}) {
    std::vector<Update> updates{{module.parameters()[0].cell, full(Shape{1}, value, DType::f64)}};
    const std::vector<Update> averages = ema.updates(updates);
    updates.insert(updates.end(), averages.begin(), averages.end());
    commit(updates);
  }
  CHECK(ema.averages()[0].item() == doctest::Approx((0.25 * 1 + 0.5 * 2 + 1 * 4) / 1.75));
  const Numbers copy({0});
  ema.copy_to(copy);
  CHECK(copy.leaves()[0].item() == doctest::Approx(5.25 / 1.75));
  CHECK(module.leaves()[0].item() == 4);
}

TEST_CASE("commit changes no cell if one value does not fit") {
  const Numbers a({1});
  const Numbers b({2});
  const std::vector<Update> updates{{a.parameters()[0].cell, full(Shape{1}, 5, DType::f64)},
                                    {b.parameters()[0].cell, full(Shape{2}, 5, DType::f64)}};
  CHECK_THROWS_WITH_AS(commit(updates), doctest::Contains("[2] f64 cannot replace [1] f64"), Error);
  CHECK(a.leaves()[0].item() == 1);
}

TEST_CASE("commit lets every update see the old values") {
  const Numbers a({1});
  const Numbers b({2});
  const std::vector<Update> swap{{a.parameters()[0].cell, b.leaves()[0] * 1},
                                 {b.parameters()[0].cell, a.leaves()[0] * 1}};
  commit(swap);
  CHECK(a.leaves()[0].item() == 2);
  CHECK(b.leaves()[0].item() == 1);
}

TEST_CASE("optimizers refuse what makes no sense") {
  const Numbers module({1});
  CHECK_THROWS_WITH_AS(Adam(module, {.beta1 = 1}), doctest::Contains("[0, 1)"), Error);
  CHECK_THROWS_WITH_AS(Ema(module, 1), doctest::Contains("ema: the decay 1 is not in [0, 1)"), Error);
  Adam adam(module);
  CHECK_THROWS_WITH_AS(adam.updates({}, 0.1), doctest::Contains("0 gradients for 1 parameters"), Error);
  CHECK_THROWS_WITH_AS(adam.updates({zeros(Shape{2}, DType::f64)}, 0.1),
                       doctest::Contains("the gradient [2] f64 does not fit 'x' [1] f64"), Error);
  CHECK_THROWS_WITH_AS(adam.updates({zeros(Shape{1}, DType::f32)}, 0.1),
                       doctest::Contains("the gradient [1] f32 does not fit 'x' [1] f64"), Error);
  CHECK_THROWS_WITH_AS(adam.updates(module.leaves(), std::nan("")), doctest::Contains("learning rate"),
                       Error);
  Ema ema(module, 0.5);
  CHECK_THROWS_WITH_AS(ema.updates({}), doctest::Contains("no new value of 'x'"), Error);
}

TEST_CASE("the learning rate warms up linearly and falls along a cosine") {
  const WarmupCosine schedule({.peak = 2, .warmup_steps = 4, .total_steps = 14, .floor = 0.5});
  CHECK(schedule.at(0) == 0.5);
  CHECK(schedule.at(3) == 2);
  CHECK(schedule.at(4) == 2);
  CHECK(schedule.at(9) == doctest::Approx(1.25));
  CHECK(schedule.at(14) == 0.5);
  CHECK(schedule.at(1000) == 0.5);
  CHECK(WarmupCosine({.peak = 1, .warmup_steps = 3, .total_steps = 3}).at(2) == 1);
  CHECK_THROWS_WITH_AS(schedule.at(-1), doctest::Contains("step -1"), Error);
  CHECK_THROWS_WITH_AS(WarmupCosine({.warmup_steps = 5, .total_steps = 4}),
                       doctest::Contains("5 warm-up steps of 4"), Error);
  CHECK_THROWS_WITH_AS(WarmupCosine({.warmup_steps = -1}), doctest::Contains("-1 warm-up steps of 1"), Error);
}

TEST_CASE("a thousand training steps with a schedule build one plan") {
  const Numbers module({1, 2, 3});
  Adam adam(module, {.weight_decay = 0.1});
  Ema ema(module, 0.9);
  const WarmupCosine schedule({.peak = 0.1, .warmup_steps = 10, .total_steps = 1000});
  const Tensor key = random_key(1);
  const std::uint64_t before = plan_cache_statistics().built;
  for (std::int64_t step = 0; step < 1000; ++step) {
    const Tensor turn = fold_in(key, tensor<std::int64_t>({step}, Shape{}));
    const LossAndGradients result = value_and_grad(module, [&]() -> std::vector<Tensor> {
      return {sum(square(module.leaves()[0] + normal(turn, Shape{3}, DType::f64)))};
    });
    std::vector<Update> updates = adam.updates(result.gradients, schedule.at(step));
    const std::vector<Update> averages = ema.updates(updates);
    updates.insert(updates.end(), averages.begin(), averages.end());
    commit(updates, {result.loss});
    CHECK(std::isfinite(result.loss.item()));
  }
  CHECK(plan_cache_statistics().built - before == 1);
}

TEST_CASE("training that goes on from saved states is the same to the last bit") {
  struct NumbersTraining {
    Numbers module;
    NumbersTraining()
        : module(std::vector<double>{1.5, -0.25, 0}), adam(module, {.weight_decay = 0.1}), ema(module, 0.9) {}
    Adam adam;
    Ema ema;
    void step(std::int64_t number) {
      const Tensor x = module.leaves()[0];
      std::vector<Update> updates = adam.updates({x * 2 + std::sin(static_cast<double>(number))}, 0.05);
      const std::vector<Update> averages = ema.updates(updates);
      updates.insert(updates.end(), averages.begin(), averages.end());
      commit(updates);
    }
  };
  NumbersTraining whole;
  for (std::int64_t n = 0; n < 9; ++n) whole.step(n);
  NumbersTraining first;
  for (std::int64_t n = 0; n < 4; ++n) first.step(n);
  NumbersTraining second;
  second.step(7);  // what it did before is forgotten
  load_state(second.module, state_of(first.module));
  second.adam.load(first.adam.state());
  second.ema.load(first.ema.state());
  CHECK(second.adam.steps() == 4);
  for (std::int64_t n = 4; n < 9; ++n) second.step(n);
  CHECK(second.adam.steps() == 9);
  CHECK(second.ema.steps() == 9);
  CHECK(second.module.leaves()[0].to_vector<double>() == whole.module.leaves()[0].to_vector<double>());
  CHECK(second.ema.averages()[0].to_vector<double>() == whole.ema.averages()[0].to_vector<double>());
}

TEST_CASE("saved states that do not fit are refused and change nothing") {
  const Numbers module({1, 2});
  Adam adam(module);
  commit(adam.updates({ones(Shape{2}, DType::f64)}, 0.1));
  const State good = adam.state();
  REQUIRE(good.size() == 7);
  State no_steps = good;
  no_steps.erase(no_steps.begin() + 2);
  CHECK_THROWS_WITH_AS(adam.load(no_steps), doctest::Contains("adam: 'steps' is missing"), Error);
  State negative = good;
  negative[2].value = tensor<std::int64_t>({-1}, Shape{});
  CHECK_THROWS_WITH_AS(adam.load(negative), doctest::Contains("number of steps"), Error);
  State short_moment = good;
  short_moment[1].value = zeros(Shape{1}, DType::f64);
  CHECK_THROWS_WITH_AS(adam.load(short_moment),
                       doctest::Contains("'second.x' [1] f64 cannot replace [2] f64"), Error);
  State foreign = good;
  foreign.push_back({std::string("a\0b", 3), zeros(Shape{})});
  CHECK_THROWS_WITH_AS(adam.load(foreign), "adam: the saved 'a\\x00b' belongs to nothing here", Error);
  CHECK(adam.steps() == 1);
  CHECK(adam.state()[0].value.to_vector<double>() == good[0].value.to_vector<double>());
}

TEST_CASE("a state of an optimizer or average with other options is refused with both values") {
  const Numbers module({1, 2});
  Adam adam(module, {.beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-6, .weight_decay = 0.1});
  Ema ema(module, 0.999);
  std::vector<Update> updates = adam.updates({ones(Shape{2}, DType::f64)}, 0.1);
  const std::vector<Update> averages = ema.updates(updates);
  updates.insert(updates.end(), averages.begin(), averages.end());
  commit(updates);

  const auto refuses = [&](const AdamOptions& options, const char* what) {
    Adam other(module, options);
    CHECK_THROWS_WITH_AS(other.load(adam.state()), what, Error);
    CHECK(other.steps() == 0);
  };
  refuses({0.9, 0.99, 1e-6, 0.1}, "adam: what was saved was made with beta1 0.8, this one has 0.9");
  refuses({0.8, 0.999, 1e-6, 0.1}, "adam: what was saved was made with beta2 0.99, this one has 0.999");
  refuses({0.8, 0.99, 1e-8, 0.1}, "adam: what was saved was made with epsilon 1e-06, this one has 1e-08");
  refuses({0.8, 0.99, 1e-6, 0}, "adam: what was saved was made with weight_decay 0.1, this one has 0");
  Ema other(module, 0.99);
  CHECK_THROWS_WITH_AS(other.load(ema.state()),
                       "ema: what was saved was made with decay 0.999, this one has 0.99", Error);
  CHECK(other.steps() == 0);

  State without = ema.state(), odd = without;
  CHECK(without.back().name == "options.decay");
  without.pop_back();
  CHECK_THROWS_WITH_AS(ema.load(without), "ema: 'options.decay' is missing in what was saved", Error);
  odd.back().value = zeros(Shape{2}, DType::f64);
  CHECK_THROWS_WITH_AS(ema.load(odd), "ema: the saved 'options.decay' [2] f64 is not one f64", Error);
  ema.load(ema.state());

  struct Taken : Module {
    explicit Taken(std::string name) { add_parameter(std::move(name), ones(Shape{1})); }
  };
  CHECK_THROWS_WITH_AS(Ema(Taken("steps"), 0.9), doctest::Contains("'steps' is taken"), Error);
}

}  // namespace nabla::nn
