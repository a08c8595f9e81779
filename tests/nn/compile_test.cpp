#include "engine/compile/compile.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/engine.h"
#include "nn/nn.h"
#include "tests/nn/training.h"

namespace nabla::nn {
namespace {

Tensor number_of(std::int64_t step) { return tensor<std::int64_t>({step}, Shape{}); }
Tensor f64_of(double value) { return tensor<double>({value}, Shape{}); }

void check_same(const State& a, const State& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].name == b[i].name);
    CHECK(cast(a[i].value, DType::f64).to_vector<double>() ==
          cast(b[i].value, DType::f64).to_vector<double>());
  }
}

}  // namespace

TEST_CASE("a hundred compiled training steps are the uncompiled ones to the last bit") {
  const WarmupCosine schedule({.peak = 0.02, .warmup_steps = 10, .total_steps = 100});
  Training plain;
  Training compiled;
  const auto step = compile([&](const Tensor& n, const Tensor& rate) { return compiled.step(n, rate); });
  double first = 0;
  double last = 0;
  for (std::int64_t n = 0; n < 100; ++n) {
    last = plain.step(number_of(n), f64_of(schedule.at(n))).item();
    REQUIRE(step(n, schedule.at(n)).item() == last);
    if (n == 0) first = last;
  }
  CHECK(last < 0.5 * first);
  check_same(state_of(plain.net), state_of(compiled.net));
  check_same(plain.adam.state(), compiled.adam.state());
  check_same(plain.ema.state(), compiled.ema.state());
  CHECK(compiled.adam.steps() == 100);
  CHECK(step.statistics().traces == 1);
  // Both ways from here: what one has trained the other goes on with.
  CHECK(compiled.step(number_of(100), f64_of(0.01)).item() ==
        plain.step(number_of(100), f64_of(0.01)).item());
  CHECK(step(101, 0.01).item() == plain.step(number_of(101), f64_of(0.01)).item());
  check_same(plain.adam.state(), compiled.adam.state());
}

TEST_CASE("a thousand compiled steps with a schedule are one trace and one plan") {
  Training training;
  int traces = 0;
  const auto step = compile([&](const Tensor& n, const Tensor& rate) {
    ++traces;
    return training.step(n, rate);
  });
  const WarmupCosine schedule({.peak = 0.02, .warmup_steps = 10, .total_steps = 1000});
  step(0, schedule.at(0));
  const std::uint64_t built = plan_cache_statistics().built;
  const std::size_t nodes = live_node_count();
  for (std::int64_t n = 1; n < 1000; ++n) step(n, schedule.at(n));
  CHECK(plan_cache_statistics().built == built);
  CHECK(live_node_count() <= nodes);
  CHECK(traces == 1);
  CHECK(training.adam.steps() == 1000);
}

TEST_CASE("Adam's scalars in the graph are those of the formula on the host") {
  struct Number : Module {
    Number() { add_parameter("x", full(Shape{1}, 2, DType::f64)); }
  };
  const AdamOptions options{.weight_decay = 0.1};
  const Number number;
  Adam adam(number, options);
  double x = 2, m = 0, v = 0;
  for (std::int64_t step = 1; step <= 200; ++step) {
    const double rate = 0.3 / static_cast<double>(step);
    const double g = std::sin(static_cast<double>(step));
    commit(adam.updates({tensor<double>({g}, Shape{1})}, rate));
    const double n = static_cast<double>(step);
    const double first = (1 - options.beta1) / (1 - std::pow(options.beta1, n));
    const double second = std::sqrt((1 - options.beta2) / (1 - std::pow(options.beta2, n)));
    m = m * options.beta1 + g;
    v = v * options.beta2 + g * g;
    x = x * (1 - rate * options.weight_decay) -
        m * (rate * first / second) / (std::sqrt(v) + options.epsilon / second);
    REQUIRE(number.leaves()[0].item() == x);
  }
}

TEST_CASE("what would be frozen at the first call is refused inside compile, with the remedy") {
  Training training;
  const auto error_of = [&](auto f) -> std::string {
    try {
      compile(f)();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto zeros_like_parameters = [&] {
    std::vector<Tensor> zeros;
    for (const Tensor& leaf : training.net.leaves()) zeros.push_back(zeros_like(leaf));
    return zeros;
  };
  const std::string rate = error_of([&] { commit(training.adam.updates(zeros_like_parameters(), 0.1)); });
  CHECK(rate.find("adam: inside compile a learning rate that is a number") != std::string::npos);
  CHECK(rate.find("an argument of the compiled function") != std::string::npos);
  CHECK(error_of([&] {
          return zeros({}) * static_cast<double>(training.adam.steps());
        }).find("depends on a cell [] i64") != std::string::npos);
  CHECK(error_of([&] {
          commit(training.adam.updates(zeros_like_parameters(), full({}, 0.1, DType::f64)));
        }).empty());
  CHECK(training.adam.steps() == 1);
  CHECK_THROWS_WITH_AS(training.adam.updates(zeros_like_parameters(), zeros({2})),
                       doctest::Contains("the learning rate [2] f32 is not one element"), Error);
  CHECK_THROWS_WITH_AS(training.adam.updates(zeros_like_parameters(), zeros({}, DType::i64)),
                       doctest::Contains("the learning rate [] i64"), Error);
}

TEST_CASE("a compiled function of the averages follows them") {
  Training training;
  const auto average = compile([&] { return sum(training.ema.averages()[0]); });
  for (std::int64_t n = 0; n < 3; ++n) {
    training.step(number_of(n), f64_of(0.1));
    CHECK(average().item() == sum(training.ema.averages()[0]).item());
    CHECK(average().item() == sum(training.ema.averages()[0]).item());
  }
  CHECK(average.statistics().traces == 1);
  CHECK(average.statistics().prologue_runs == 3);
}

TEST_CASE("a commit inside compile that does not fit is refused when it is traced") {
  Training training;
  Cell* cell = training.net.parameters()[0].cell;
  const auto misfit = compile([&] { commit(std::vector<Update>{{cell, zeros({1, 1, 1})}}); });
  CHECK_THROWS_WITH_AS(misfit(), doctest::Contains("commit: a value [1, 1, 1] f32 cannot replace"), Error);
  CHECK(cell->version() == 0);
}

}  // namespace nabla::nn
