#include <doctest/doctest.h>

#include "tests/engine/rewrites.h"

namespace nabla::test {
namespace {

std::size_t steps_named(const Tensor& y, std::string_view name) {
  std::size_t count = 0;
  for (const PlanStep& step : make_plan(std::span(&y, 1)).plan->steps())
    count += step.primitive != nullptr && !step.is_program() && step.primitive->name() == name;
  return count;
}

// The most elements that any step writes.
std::int64_t largest_step(const Tensor& y) {
  const PlannedGraph graph = make_plan(std::span(&y, 1));
  std::int64_t most = 0;
  for (const PlanStep& step : graph.plan->steps())
    for (const int output : step.outputs)
      most = std::max(most, graph.plan->values()[output].layout.shape.size());
  return most;
}

}  // namespace

TEST_CASE("commutative duplicates are computed once") {
  const Tensor x = counting({4, 3}).detach();
  const Tensor y = (counting({4, 3}) * 2 + 1).detach();
  CHECK(steps_named(cumsum(x * y, 0) + cumsum(y * x, 0), "cumsum") == 1);
  CHECK(steps_named(cumsum(x + y, 0) + cumsum(y + x, 0), "cumsum") == 1);
  CHECK(steps_named(cumsum(x - y, 0) + cumsum(y - x, 0), "cumsum") == 2);
  CHECK((sum(x - y) + sum(y - x)).item() == 0);
}

TEST_CASE("a product with rows of the identity is a view") {
  const Tensor w = sin(counting({7, 5})).detach();
  const auto rows = [&](std::int64_t first, std::int64_t last) {
    return matmul(slice(identity(7, DType::f64), 0, first, last), w);
  };
  CHECK(steps_named(rows(0, 7), "contraction") == 0);
  CHECK(values(rows(0, 7)) == values(w));
  CHECK(steps_named(rows(2, 6), "contraction") == 0);
  CHECK(values(rows(2, 6)) == values(slice(w, 0, 2, 6)));
  // Columns of it from the right.
  const auto columns = [&] { return matmul(w, slice(identity(5, DType::f64), 1, 1, 4)); };
  CHECK(steps_named(columns(), "contraction") == 0);
  CHECK(values(columns()) == values(slice(w, 1, 1, 4)));
  // A leading axis, as tangents have it.
  const auto seeds = [&] { return matmul(reshape(slice(identity(7, DType::f64), 0, 1, 4), {3, 1, 7}), w); };
  CHECK(steps_named(seeds(), "contraction") == 0);
  CHECK(values(seeds()) == values(slice(w, 0, 1, 4)));
}

TEST_CASE("shifted, cut and transposed identities give what the product gives") {
  const Tensor w = sin(counting({6, 6})).detach();
  for (std::int64_t top = 0; top < 4; ++top)
    for (std::int64_t left = 0; left < 3; ++left)
      for (const bool turned : {false, true}) {
        const auto product = [&] {
          Tensor part = slice(slice(identity(8, DType::f64), 0, top, top + 4), 1, left, left + 6);
          if (turned)
            part = transpose(slice(slice(identity(8, DType::f64), 1, top, top + 4), 0, left, left + 6));
          return matmul(part, w);
        };
        INFO(top, " ", left, " ", turned);
        CHECK(values(product()) == reference(product));
      }
}

TEST_CASE("the trace and the diagonal of a product do not form it") {
  const Tensor a = sin(counting({6, 3, 4})).detach();  // [tangents, samples, hidden]
  const Tensor w = cos(counting({4, 8})).detach();
  for (std::int64_t first = 0; first < 3; ++first) {
    INFO(first);
    const auto seeds = [&] {
      return reshape(slice(identity(8, DType::f64), 0, first, first + 6), {6, 1, 8});
    };
    const auto trace = [&] { return contraction(matmul(a, w), seeds(), {0, 2}); };
    const auto diagonal = [&] { return contraction(matmul(a, w), seeds(), {0}); };
    INFO(first);
    CHECK(largest_step(trace()) < 6 * 3 * 8);
    CHECK(largest_step(diagonal()) < 6 * 3 * 8);
    for (const auto& found : {values(trace()), values(diagonal())}) {
      const std::vector<double> expected = found.size() == 3 ? reference(trace) : reference(diagonal);
      REQUIRE(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i)
        CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-13));
    }
  }
  // Somebody else reads the product: then it is there anyway.
  const auto both = [&] {
    const Tensor product = matmul(a, w);
    return contraction(product, reshape(slice(identity(8, DType::f64), 0, 0, 6), {6, 1, 8}), {0, 2}) +
           sum(square(product));
  };
  CHECK(largest_step(both()) == 6 * 3 * 8);
  const std::vector<double> expected = reference(both);
  for (std::size_t i = 0; i < 3; ++i) CHECK(values(both())[i] == doctest::Approx(expected[i]).epsilon(1e-13));
}

TEST_CASE("the divergence of a network forms neither the first nor the last product of its tangents") {
  const Tensor w1 = sin(counting({5, 9})).detach();
  const Tensor w2 = cos(counting({9, 5})).detach();
  const Field v = [&](const Tensor& x) { return matmul(tanh(matmul(x, w1)), w2); };
  const Tensor x = sin(counting({3, 5}) * 2).detach();
  const auto trace = [&] { return divergence(v, x); };
  // The tangents of the hidden layer, [5, 3, 9], are the most there is; two products serve the values.
  CHECK(largest_step(trace()) == 5 * 3 * 9);
  CHECK(steps_named(trace(), "contraction") == 2);
  const std::vector<double> expected = reference(trace);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(values(trace())[i] == doctest::Approx(expected[i]).epsilon(1e-13));
  const auto compiled = compile([&](const Tensor& at) { return divergence(v, at); });
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(values(compiled(x))[i] == doctest::Approx(expected[i]).epsilon(1e-13));
  CHECK(explain(compiled).find("iota") == std::string::npos);
}

TEST_CASE("operands of products are not repeated") {
  const Tensor x = sin(counting({5, 1, 4})).detach();
  const Tensor w = cos(counting({4, 6})).detach();
  const auto check = [](const std::function<Tensor()>& f, double flops) {
    CHECK(cost_of(*make_plan(std::array{f()}).plan).flops == flops);
    const std::vector<double> found = values(f());
    const std::vector<double> expected = reference(f);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-13));
  };
  // One product of five rows, not five products.
  const auto batched = [&] { return matmul(x, broadcast_to(w, Shape{5, 4, 6})); };
  check(batched, 2 * 5 * 4 * 6);
  const PlannedGraph graph = make_plan(std::array{batched()});
  const PlanStep& product = graph.plan->steps()[0];
  CHECK(graph.plan->values()[product.inputs[1]].layout.shape == Shape{1, 1, 4, 6});
  // Equal rows are computed once, also where both operands repeat them, and sums keep their terms.
  const auto rows = [&] { return matmul(broadcast_to(x, Shape{5, 3, 4}), w); };
  check(rows, 2 * 5 * 4 * 6);
  check(
      [&] {
        return matmul(broadcast_to(x, Shape{5, 3, 4}), broadcast_to(w, Shape{5, 4, 6}));
      },
      2 * 5 * 4 * 6);
  const Tensor column = sin(counting({2, 1})).detach();
  check([&] { return matmul(broadcast_to(column, Shape{2, 4}), w); }, 2 * 2 * 4 * 6);
  check([&] { return matmul(full({2, 4}, 0.5, DType::f64), full({4, 6}, 3, DType::f64)); }, 2 * 4);
  // Repeated without a view: each element is there.
  check([&] { return matmul(sin(broadcast_to(x, Shape{5, 3, 4})), w); }, 2 * 15 * 4 * 6 + 15 * 4);
}

}  // namespace nabla::test
