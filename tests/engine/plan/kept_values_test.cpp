#include <sstream>
#include <utility>
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
  CHECK(planned.plan->peak_bytes() <= 3 * 80'000);  // the results; what lies between them stays in registers
  reset_peak_memory();
  const std::size_t before = memory_statistics().live_bytes;
  evaluate({y});
  CHECK(memory_statistics().peak_bytes - before == planned.plan->peak_bytes());
}

// Peak memory beside what is live, of an evaluation inside of f.
template <class F>
std::size_t peak_of(F f) {
  clear_plan_cache();
  const std::size_t before = memory_statistics().live_bytes;
  reset_peak_memory();
  f();
  return memory_statistics().peak_bytes - before;
}

TEST_CASE("temporaries of the expression that is evaluated are not kept") {
  constexpr std::size_t kBytes = 800'000;
  const Tensor x = counting({1000, 100}, 1e-5).detach();
  const Tensor y = counting({1000, 100}, 2e-5).detach();
  const auto loss = [&] { return sum(nabla::exp(-square(x * 2 + y)) * nabla::sin(x) + nabla::cos(y)); };
  const double expected = loss().item();
  double got = 0;
  // What the expression takes whose temporaries have gone before it is evaluated.
  const std::size_t needed = peak_of([&] {
    const Tensor result = loss();
    result.value();
  });
  REQUIRE(needed < 2 * kBytes);
  SUBCASE("item") {
    CHECK(peak_of([&] {
            got = sum(nabla::exp(-square(x * 2 + y)) * nabla::sin(x) + nabla::cos(y)).item();
          }) <= needed + 100);
  }
  SUBCASE("evaluate") {
    Tensor kept;
    CHECK(peak_of([&] {
            evaluate({kept = sum(nabla::exp(-square(x * 2 + y)) * nabla::sin(x) + nabla::cos(y))});
          }) <= needed + 100);
    got = kept.item();
  }
  SUBCASE("printing") {
    std::ostringstream text;
    CHECK(peak_of([&] { text << sum(nabla::exp(-square(x * 2 + y)) * nabla::sin(x) + nabla::cos(y)); }) <=
          needed + 100);
    got = expected;
  }
  SUBCASE("within the expression of another, and after one that failed") {
    CHECK_THROWS_AS(sum(nabla::exp(x * 2) + nabla::sin(f64({1, 2}, {2}))).item(), Error);
    CHECK(peak_of([&] { got = sum(nabla::exp(x * 3) * loss().item()).item() * 0 + loss().item(); }) <=
          needed + 100);
  }
  CHECK(got == doctest::Approx(expected).epsilon(1e-14));
}

TEST_CASE("what has a name besides is kept, though it is a temporary too") {
  const Tensor x = counting({10, 10}, 0.01).detach();
  const Tensor h = x * 2;
  SUBCASE("the same expression built again") { CHECK(sum(nabla::exp(x * 2)).item() > 0); }
  SUBCASE("passed on") {
    const auto pass = [](Tensor&& t) { return nabla::exp(std::move(t)) + std::move(t); };
    CHECK(sum(pass(x * 2)).item() > 0);
  }
  SUBCASE("a reference that makes a temporary live on") {
    const Tensor& result = nabla::exp(x * 2);
    CHECK(sum(result * 3).item() > 0);
    CHECK(result.node().has_value());
  }
  CHECK(h.node().has_value());
}

}  // namespace nabla::test
