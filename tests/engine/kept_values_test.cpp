#include "engine/plan/evaluate.h"
#include "engine/plan/plan.h"
#include "tests/engine/numbers.h"

// What an evaluation keeps on its way: that to which a handle lives, and nothing else.

namespace nabla::test {
namespace {

bool needs_no_steps(const Tensor& x) { return make_plan(std::span(&x, 1)).plan->steps().empty(); }

}  // namespace

TEST_CASE("an intermediate that a handle holds is kept") {
  const Tensor x = f64({0.1, 0.2, 0.3}, {3});
  Tensor h = x;
  for (int i = 0; i < 5; ++i) h = nabla::exp(h * 0.5);
  const Tensor y = h + 1;
  CHECK_FALSE(needs_no_steps(h));
  y.value();
  REQUIRE(h.node().has_value());
  CHECK(needs_no_steps(h));
  CHECK(distance(h, y - 1) < 1e-15);
  // What is built on it starts there.
  const Tensor z = h * 2;
  CHECK_FALSE(contains(explain(z), "exp"));
  for (const Node* node : h.node().inputs()) CHECK_FALSE(node->has_value());  // no handle
}

TEST_CASE("a kept intermediate is right whatever its users make of its memory") {
  const Tensor x = counting({4, 3}, 0.1);
  const Tensor h = nabla::exp(x);
  const Tensor expected = nabla::exp(counting({4, 3}, 0.1) + 0.0);
  SUBCASE("its view is the result") {
    const Tensor y = transpose(h);
    evaluate({y});
    CHECK(distance(transpose(y), expected) == 0);
  }
  SUBCASE("the result has the same elements") {
    const Tensor y = reshape(h, {12});
    evaluate({y});
    CHECK(distance(reshape(y, {4, 3}), expected) == 0);
  }
  SUBCASE("it is asked for itself, and twice") {
    const Tensor y = sum(h * 2);
    evaluate({h, y, h, y});
    CHECK(y.item() == doctest::Approx(2 * sum(expected).item()));
  }
  SUBCASE("several on one way") {
    const Tensor g = h + 1;
    const Tensor y = sum(square(g));
    CHECK(y.item() == doctest::Approx(sum(square(expected + 1)).item()));
    CHECK(g.node().has_value());
    CHECK(distance(g, expected + 1) == 0);
  }
  CHECK(h.node().has_value());
  CHECK(distance(h, expected) == 0);
}

TEST_CASE("views and constants with handles take no memory") {
  const Tensor x = counting({100, 200}, 0.1).detach();
  const Tensor transposed = transpose(x);
  const Tensor repeated = broadcast_to(insert_axes(x, {-3}), {50, 100, 200});
  const Tensor constant = full({200, 100}, 2, DType::f64);
  const Tensor positions = iota(100, DType::f64);
  clear_plan_cache();
  const std::size_t before = memory_statistics().live_bytes;
  const Tensor y = sum(transposed * constant + positions) + sum(repeated);
  y.value();
  for (const Tensor& kept : {transposed, repeated, constant, positions}) CHECK_FALSE(kept.node().has_value());
  CHECK(memory_statistics().live_bytes - before < 1000);
}

TEST_CASE("the memory of kept intermediates returns with their handles") {
  const Tensor x = counting({1000, 100}, 1e-5).detach();
  clear_plan_cache();
  constexpr std::size_t kBytes = 800'000;
  const std::size_t before = memory_statistics().live_bytes;
  Tensor h = nabla::exp(x);
  Tensor y = sum(nabla::sin(nabla::cos(h)));
  y.value();
  const std::size_t with_h = memory_statistics().live_bytes;
  CHECK(with_h >= before + kBytes);
  CHECK(with_h < before + 2 * kBytes);  // sin and cos had no handle
  // Building on h after its handle has gone uses the value once, then lets it go.
  Tensor z = sum(h * 2);
  h = Tensor();
  y = Tensor();
  CHECK(z.item() > 0);
  CHECK(memory_statistics().live_bytes < before + 1000);
  z = Tensor();
  clear_plan_cache();  // plans hold their constants
  CHECK(memory_statistics().live_bytes == before);
}

TEST_CASE("a plan's peak counts what handles make it keep") {
  const Tensor x = iota(10000, DType::f64).detach();
  const Tensor a = nabla::sin(x);
  const Tensor b = nabla::cos(a);
  const Tensor y = nabla::exp(b) + 1;
  const PlannedGraph planned = make_plan(std::span(&y, 1));
  CHECK(planned.results.size() == 3);
  CHECK(planned.plan->peak_bytes() == 3 * 80'000);  // the results; what lies between them stays in registers
  reset_peak_memory();
  const std::size_t before = memory_statistics().live_bytes;
  evaluate({y});
  CHECK(memory_statistics().peak_bytes - before == planned.plan->peak_bytes());
}

}  // namespace nabla::test
