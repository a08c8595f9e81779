#include <doctest/doctest.h>

#include <string>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

namespace nabla {
namespace {

using test::f64;

std::uint64_t plans_built() { return plan_cache_statistics().built; }

// How many plans the evaluation of f() makes.
template <class F>
std::uint64_t built_by(F f) {
  const std::uint64_t before = plans_built();
  f();
  return plans_built() - before;
}

Tensor leaf_of(double start, const Shape& shape) { return (test::counting(shape) + start).detach(); }

}  // namespace

TEST_CASE("one plan serves every graph of the same structure, whatever its leaves hold") {
  clear_plan_cache();
  std::vector<Tensor> leaves;
  for (int i = 0; i < 4; ++i) leaves.push_back(leaf_of(i, {3}));
  CHECK(built_by([&] {
          for (int i = 0; i < 3; ++i) {
            const Tensor y = sum(exp(leaves[0]) * leaves[i + 1]);
            double expected = 0;
            for (int k = 0; k < 3; ++k) expected += std::exp(k) * (k + i + 1);
            CHECK(y.item() == doctest::Approx(expected).epsilon(1e-14));
          }
        }) == 1);
}

TEST_CASE("a plan is not taken for a graph that differs in anything but values") {
  clear_plan_cache();
  const Tensor x = leaf_of(1, {4, 2});
  const Tensor y = leaf_of(5, {4, 2});
  const Tensor wide = leaf_of(1, {2, 4});
  const Tensor single = cast(x, DType::f32).detach();
  const auto builds = [&](auto f, const std::vector<double>& expected) {
    CHECK(built_by([&] { CHECK(test::values(f()) == expected); }) == 1);
  };
  // Which leaves are one. Which leaf comes first is no difference: a plan knows them by their first use.
  builds([&] { return sum(x - y); }, {-32});
  const Tensor other_way = sum(y - x);
  CHECK(built_by([&] { CHECK(other_way.item() == 32); }) == 0);
  builds([&] { return sum(x - x); }, {0});
  builds([&] { return sum((x - y) * x); }, {-144});
  builds([&] { return sum((x - y) * y); }, {-272});
  // Attributes, extents, types.
  builds([&] { return sum(x, {0}); }, {16, 20});
  builds([&] { return sum(x, {1}); }, {3, 7, 11, 15});
  builds([&] { return sum(wide, {1}); }, {10, 26});
  builds([&] { return cast(sum(single, {1}), DType::f64); }, {3, 7, 11, 15});
  // Extents that show in a leaf alone.
  const Tensor three = leaf_of(1, {3}), five = leaf_of(1, {5});
  builds([&] { return sum(three); }, {6});
  builds([&] { return sum(five); }, {15});
  // Which results are asked for.
  builds(
      [&] {
        const Tensor square_sum = sum(square(x)), total = sum(square(x) * 2.0);
        evaluate({square_sum, total});
        return total;
      },
      {408});
  builds(
      [&] {
        const Tensor square_sum = sum(square(x)), total = sum(square(x) * 2.0);
        evaluate({total, square_sum});
        return total;
      },
      {408});
}

TEST_CASE("values that a handle asks for are kept by a plan that is found again") {
  clear_plan_cache();
  for (int turn = 0; turn < 2; ++turn) {
    const Tensor held_input = leaf_of(10 + turn, {3});
    const Tensor held = exp(held_input);
    sum(held * held).item();
    CHECK(held.node().has_value());
    CHECK(held.to_vector<double>()[0] == std::exp(10 + turn));
    const Tensor other_input = leaf_of(20 + turn, {3});
    const Tensor loose = sum(exp(other_input) * exp(other_input));
    CHECK(built_by([&] { loose.item(); }) == (turn == 0 ? 1 : 0));
  }
}

TEST_CASE("the least recently used plan makes room") {
  clear_plan_cache();
  const auto run = [](std::int64_t extent) { return sum(exp(zeros({extent}, DType::f64))).item(); };
  run(1);
  for (std::int64_t extent = 2; extent < 400; ++extent) {
    CHECK(run(extent) == static_cast<double>(extent));
    CHECK(built_by([&] { run(1); }) == 0);  // in use, so it stays
  }
  const std::size_t plans = plan_cache_statistics().plans;
  CHECK(plans > 16);
  CHECK(plans < 400);
  CHECK(built_by([&] { run(2); }) == 1);
  clear_plan_cache();
  CHECK(plan_cache_statistics().plans == 0);
}

TEST_CASE("nan mode names the line of this graph, not of one that was planned before") {
  const Tensor one = f64({1}, {1});
  const Tensor minus = f64({-1}, {1});
  CHECK(log(one).item() == 0);  // the same structure, on another line
  set_nan_mode(true);
  const Tensor bad = log(minus);
  const std::string line = std::to_string(__LINE__ - 1);
  const std::string message = test::error_of([&] { bad.item(); });
  set_nan_mode(false);
  CHECK(test::contains(message, "plan_cache_test.cpp:" + line));
}

}  // namespace nabla
