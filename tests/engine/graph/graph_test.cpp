#include "engine/graph/node.h"

#include <atomic>

#include "engine/graph/print.h"
#include "engine/graph/walk.h"
#include "tests/engine/numbers.h"

namespace nabla::test {

TEST_CASE("the same expression built twice is the same node") {
  const Tensor x = f64({1, 2}, {2});
  const Tensor y = f64({1, 2}, {2});
  CHECK(same(nabla::exp(x) * 2, nabla::exp(x) * 2));
  CHECK_FALSE(same(x, y));  // leaves never are
  CHECK_FALSE(same(x + y, y + x));
  CHECK_FALSE(same(sum(x, {0}), sum(x, {0}, true)));
  CHECK(same(full({2}, 1.5), full({2}, 1.5)));
  CHECK_FALSE(same(full({2}, 1.5), full({2}, 1.5, DType::f64)));
  CHECK_FALSE(same(full({2}, 0.0), full({2}, -0.0)));
}

TEST_CASE("nodes leave with their last handle") {
  const std::size_t before = live_node_count();
  {
    const Tensor x = ones({3});
    Tensor y = x;
    for (int i = 0; i < 10; ++i) y = nabla::sin(y) + x;
    CHECK(live_node_count() >= before + 20);
    const Tensor z = y;
    y = Tensor();
    CHECK(live_node_count() >= before + 20);
    CHECK(std::isfinite(sum(z).item()));
  }
  CHECK(live_node_count() == before);
}

TEST_CASE("a chain of a million nodes is destroyed without recursion") {
  const std::size_t before = live_node_count();
  {
    Tensor x = ones({1});
    for (int i = 0; i < 1'000'000; ++i) x = -x;
    CHECK(live_node_count() >= before + 1'000'000);
  }
  CHECK(live_node_count() == before);
}

TEST_CASE("ids grow from inputs to users") {
  const Tensor x = ones({1});
  const Tensor y = nabla::exp(x) + nabla::sin(x);
  for (const Node* node : nodes_behind(y))
    for (const Node* input : node->inputs()) CHECK(input->id() < node->id());
}

TEST_CASE("graphs print as text and for Graphviz") {
  const Tensor x = f64({1, 2}, {2});
  const Tensor y = sum(nabla::exp(x) * x);
  CHECK(to_text(y) ==
        "%0 = leaf() [2] f64\n"
        "%1 = exp(%0) [2] f64\n"
        "%2 = mul(%1, %0) [2] f64\n"
        "%3 = sum{-1}(%2) [1] f64\n"
        "%4 = drop_axes{-1}(%3) [] f64\n");
  const std::string dot = to_graphviz(y);
  CHECK(contains(dot, "digraph"));
  CHECK(contains(dot, "mul\\n[2] f64"));
  CHECK(contains(dot, "n1 -> n2;"));
  CHECK(contains(dot, "n4 [penwidth=2];"));
  CHECK(contains(to_text(full({2}, 1.5)), "constant{1.5}() [2] f32"));
}

TEST_CASE("nodes remember the user's line") {
  const Tensor x = ones({2});
  const int line = __LINE__ + 1;
  const Tensor y = var(x * 2);
  for (const Node* node : nodes_behind(std::span(&y, 1), std::span(&x, 1))) {
    INFO(to_text(y));
    CHECK(node->where().line() == line);
    CHECK(contains(node->where().file_name(), "graph_test.cpp"));
  }
}

TEST_CASE("derived nodes carry the line of the primal node") {
  const Tensor x = ones({2}).detach();
  const int line = __LINE__ + 1;
  const Tensor y = nabla::tanh(x);
  const Tensor ct = ones({2});
  const auto pulled = vjp(y, x, ct);
  REQUIRE(pulled);
  CHECK(pulled->node().where().line() == line);
}

TEST_CASE("a walk through an unrolled solver stays local") {
  const Tensor dt = full({1}, 1e-3, DType::f64);
  Tensor x = f64({0.3, -0.2}, {2});
  Tensor total = zeros({1}, DType::f64);
  const Tensor direction = ones({2}, DType::f64);
  constexpr int kSteps = 10'000;
  const std::uint64_t before = walked_node_count();
  for (int i = 0; i < kSteps; ++i) {
    const ValueAndTangent step =
        jvp([](const Tensor& v) { return nabla::sin(v) * v + nabla::tanh(v); }, x, direction);
    total = total + sum(step.tangent);
    x = x + dt * step.value;
  }
  const std::uint64_t walked = walked_node_count() - before;
  CHECK(walked < 60 * kSteps);
  CHECK(std::isfinite(total.item()));
}

// A sanitizer's bookkeeping for four million nodes would take several GB.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {
std::atomic<int> warnings = 0;
}

TEST_CASE("a graph that piles up warns once") {
  warnings = 0;
  set_warning_handler([](const std::string& message) {
    CHECK(contains(message, "nodes are alive"));
    ++warnings;
  });
  {
    Tensor x = ones({1});
    for (int i = 0; i < 4'200'000; ++i) x = -x;
  }
  set_warning_handler(nullptr);
  CHECK(warnings == 1);
}
#endif

TEST_CASE("constants are written with all their digits, however small") {
  const Tensor x = f64({1}, {1});
  CHECK(contains(to_text(x * 1e-9), "1e-09"));
  CHECK(contains(to_text(x * 0.1), "0.1"));
  CHECK_FALSE(contains(to_text(x * 0.1), "0.10"));
  CHECK(contains(to_text(x * (1.0 / 3)), "0.3333333333333333"));
}

}  // namespace nabla::test
