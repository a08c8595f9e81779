#include <functional>

#include "tests/engine/numbers.h"
#include "tests/engine/plan_faults.h"

// Programs that work along rows, and over tangents.

namespace nabla::test {
namespace {

using Fold = TileProgram::Fold;

std::shared_ptr<const Plan> faultless_plan(const Tensor& y) {
  const std::shared_ptr<const Plan> plan = make_plan(std::span(&y, 1)).plan;
  for (const std::string& fault : plan_faults(*plan)) FAIL_CHECK(fault);
  return plan;
}

// Builds the same expression for the plan, the optimised value and the reference.
std::shared_ptr<const Plan> checked_within(const std::function<Tensor()>& build, double bound = 1e-12) {
  const std::shared_ptr<const Plan> plan = faultless_plan(build());
  const std::vector<double> found = values(build());
  set_plan_optimisations(false);
  const std::vector<double> expected = values(build());
  set_plan_optimisations(true);
  REQUIRE(found.size() == expected.size());
  double largest = 1;
  for (const double e : expected) largest = std::isfinite(e) ? std::max(largest, std::abs(e)) : largest;
  for (std::size_t i = 0; i < found.size(); ++i) {
    INFO("element ", i);
    if (std::isfinite(expected[i]))
      CHECK(std::abs(found[i] - expected[i]) <= bound * largest);
    else
      CHECK((found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i]))));
  }
  return plan;
}

int steps_folded(const Plan& plan, Fold fold) {
  return static_cast<int>(
      std::ranges::count_if(plan.steps(), [&](const PlanStep& step) { return step.program.fold == fold; }));
}

Tensor layer_norm(const Tensor& x, const Tensor& scale, const Tensor& shift) {
  const Tensor centred = x - mean(x, {-1}, true);
  return centred * rsqrt(mean(square(centred), {-1}, true) + 1e-5) * scale + shift;
}

Tensor normal_numbers(const Shape& shape, int key, DType dtype = DType::f64) {
  return cast(normal(random_key(static_cast<std::uint64_t>(key)), shape), dtype).detach();
}

}  // namespace

TEST_CASE("a norm, its tangents and its gradient are programs over rows") {
  // Many rows in a tile, one row in a tile, rows longer than a tile, and a length that fills no lanes.
  for (const std::int64_t width : {2, 7, 64, 300, 784, 1500, 4096}) {
    INFO("width ", width);
    for (const DType dtype : {DType::f64, DType::f32}) {
      const double bound = dtype == DType::f64 ? 1e-12 : 4e-6;
      const Tensor x = normal_numbers({6, width}, 1, dtype), dx = normal_numbers({5, 6, width}, 2, dtype);
      const Tensor scale = normal_numbers({width}, 3, dtype), shift = normal_numbers({width}, 4, dtype);
      const auto norm = [&](const Tensor& v) { return layer_norm(v, scale, shift); };
      const auto plan = checked_within([&] { return norm(x); }, bound);
      CHECK(plan->steps().size() == 1);
      CHECK(steps_folded(*plan, Fold::rows) == 1);
      checked_within([&] { return jvp(norm, x, dx).tangent; }, bound);
      checked_within([&] { return grad([&](const Tensor& v) { return sum(square(norm(v))); })(x); }, bound);
    }
  }
  // Of longer ones there must be enough for all threads, and still longer ones would not stay near a core.
  const auto programs_over = [](const Shape& shape) {
    const Tensor x = normal_numbers(shape, 1, DType::f32);
    return steps_folded(*checked_within([&] { return layer_norm(x, x, x); }, 4e-6), Fold::rows);
  };
  CHECK(programs_over({16, 4097}) == 1);
  CHECK(programs_over({16, 65536}) == 1);
  CHECK(programs_over({15, 4097}) == 0);
  CHECK(programs_over({16, 65537}) == 0);
}

TEST_CASE("softmax, logsumexp and extremes come together with what goes in and out") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const std::int64_t width : {2, 10, 33, 784}) {
    INFO("width ", width);
    const Tensor masked = normal_numbers({8, width}, 5);
    const Tensor mask =
        greater(normal_numbers({8, width}, 6), reshape(iota(8, DType::f64), {8, 1}) * 0.7 - 2);
    // Rows of nothing but -inf, rows with NaN and with +inf.
    const Tensor x = select(mask, masked, select(greater(masked, 1.5), masked / 0.0, -infinity)).detach();
    const Tensor special =
        select(equal(reshape(iota(8, DType::f64), {8, 1}), 3.0), x * std::nan(""), x).detach();
    for (const Tensor& v : {masked, x, special}) {
      CHECK(checked_within([&] { return softmax(v * 2.0, -1) * 3.0 + 1.0; })->steps().size() == 1);
      CHECK(checked_within([&] { return logsumexp(v * 0.5, {-1}) * 2.0; })->steps().size() == 1);
      CHECK(checked_within([&] { return (v * 0.5) / (abs(reduce_max(v * 0.5, {-1}, true)) + 1.0); })
                ->steps()
                .size() == 1);
      CHECK(checked_within([&] { return (v + 2.0) - reduce_min(v + 2.0, {-1}, true); })->steps().size() == 1);
    }
    const auto jvp_of = [&](const Tensor& v) {
      return jvp([](const Tensor& u) { return softmax(u, -1); }, v, normal_numbers({3, 8, width}, 7)).tangent;
    };
    const auto plan = checked_within([&] { return jvp_of(masked); });
    CHECK(steps_folded(*plan, Fold::rows) >= 1);
    CHECK(plan->steps().size() <= 2);
    checked_within([&] { return grad([](const Tensor& u) { return sum(logsumexp(u, {-1})); })(masked); });
  }
}

TEST_CASE("one NaN anywhere in a row is its extreme, its softmax and its logsumexp") {
  for (const std::int64_t width : {1, 2, 15, 16, 17, 40, 100})
    for (const DType dtype : {DType::f64, DType::f32}) {
      INFO("width ", width);
      // Row i has its NaN at place i.
      const Tensor x = normal_numbers({width, width}, 1, dtype);
      const Tensor hit = cast(identity(width, dtype), DType::boolean);
      const Tensor poisoned = select(hit, std::nan(""), x).detach();
      for (const Tensor& y :
           {reduce_max(poisoned, {-1}), reduce_min(poisoned, {-1}), logsumexp(poisoned, {-1}),
            reduce_max(poisoned + 1.0, {-1}) * 2.0, sum(softmax(poisoned, -1), {-1})})
        for (const double value : values(y)) CHECK(std::isnan(value));
    }
}

TEST_CASE("rows over several axes, and operands that lie strangely") {
  const Tensor x = normal_numbers({4, 6, 5}, 1), y = normal_numbers({6, 5}, 2);
  const auto centred = [](const Tensor& v) { return v - mean(v, {-2, -1}, true); };
  CHECK(steps_folded(*checked_within([&] { return centred(x * 2.0) * y; }), Fold::rows) == 1);
  checked_within([&] { return centred(permute(normal_numbers({5, 4, 6}, 3), {1, 2, 0})) + y; });
  checked_within([&] { return centred(flip(x, -1)) + flip(y, 0); });
  checked_within([&] { return softmax(transpose(normal_numbers({5, 4}, 4)) + 1.0, -1); });
  // Each row's factor from a column that is no dense vector; a row for all; one element for all.
  const Tensor table = normal_numbers({4, 3}, 5);
  checked_within([&] {
    return exp(x) * reshape(slice(table, 1, 1, 2), {4, 1, 1}) - sum(exp(x), {-2, -1}, true);
  });
  checked_within([&] {
    return exp(x) * reshape(slice(slice(table, 0, 0, 1), 1, 1, 2), {1, 1, 1}) + sum(exp(x), {-1}, true);
  });
  // A row that repeats along what is summed.
  checked_within([&] {
    return sum(broadcast_to(normal_numbers({4, 6, 1}, 6), {4, 6, 5}) + normal_numbers({4, 6, 1}, 7), {-1}) *
           2.0;
  });
  checked_within([&] { return sum(broadcast_to(normal_numbers({4, 6, 1}, 6), {4, 6, 5}), {-1}) * 2.0; });
}

TEST_CASE("a square matrix is not folded along the wrong axis") {
  const Tensor x = normal_numbers({9, 9}, 1);
  checked_within([&] {
    const Tensor rows = mean(exp(x), {-1});  // one for each row
    const Tensor f = rows * 2.0;
    return exp(x) * insert_axes(f, {-1}) +
           insert_axes(f + 1.0, {-2});  // once for each row, once for each column
  });
  checked_within([&] {
    const Tensor total = sum(exp(x), {-2});
    return exp(x) - insert_axes(total, {-2}) + insert_axes(total, {-1});
  });
}

TEST_CASE("results of every kind leave a program, over the memory of an operand where that is free") {
  const Tensor x = normal_numbers({40, 300}, 1);
  const auto build = [&] {
    const Tensor e = exp(x * 0.1);
    const Tensor total = sum(e, {-1}, true);
    const Tensor p = e / total;
    return std::vector<Tensor>{sum(cumsum(p, -1)), sum(p * p, {-1}) * 2.0, total + 1.0, p};
  };
  std::vector<Tensor> made = build();
  evaluate(made);
  set_plan_optimisations(false);
  std::vector<Tensor> expected = build();
  std::vector<std::vector<double>> reference;
  for (const Tensor& t : expected) reference.push_back(values(t));
  set_plan_optimisations(true);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const std::vector<double> found = values(made[i]);
    for (std::size_t k = 0; k < found.size(); ++k)
      CHECK(found[k] == doctest::Approx(reference[i][k]).epsilon(1e-12));
  }
}

TEST_CASE("a sum over tangents is carried while they are walked") {
  for (const std::int64_t count : {2, 5, 40}) {
    INFO(count, " tangents");
    for (const DType dtype : {DType::f64, DType::f32}) {
      const double bound = dtype == DType::f64 ? 1e-12 : 4e-6;
      const Tensor x = normal_numbers({64, 300}, 1, dtype), t = normal_numbers({count, 64, 300}, 2, dtype);
      const auto plan = checked_within(
          [&] {
            const Tensor s = sigmoid(x);                     // once
            const Tensor squares = sum(square(t * s), {0});  // for each tangent
            return squares * (1.0 - s) + x;                  // once
          },
          bound);
      CHECK(plan->steps().size() == 1);
      CHECK(steps_folded(*plan, Fold::tangents) == 1);
      // Tangents in another order than their memory, a scalar for each, and one for all.
      checked_within(
          [&] {
            return sum(flip(t, 0) * (x + reshape(normal_numbers({count}, 3, dtype), {count, 1, 1})), {0}) * x;
          },
          bound);
      checked_within(
          [&] {
            return sum(permute(normal_numbers({64, count, 300}, 4, dtype), {1, 0, 2}) * sigmoid(x), {0});
          },
          bound);
      checked_within(
          [&] {
            return sum(slice(normal_numbers({count, 64, 640}, 4, dtype), 2, 1, 601, 2) * sigmoid(x), {0}) +
                   1.0;
          },
          bound);
      // What is computed once has its register until the last tangent.
      checked_within(
          [&] {
            const Tensor scaled = t * sigmoid(x);
            const Tensor sine = nabla::sin(t);
            return sum(scaled * sine, {0});
          },
          bound);
      // What depends on the sum and varies again is a program of its own.
      checked_within([&] { return t * sigmoid(x) - sum(t * sigmoid(x), {0}, true) * square(t); }, bound);
      checked_within([&] { return cumsum(t * sigmoid(x), 0) + sum(t * sigmoid(x), {0}, true); }, bound);
    }
  }
}

TEST_CASE(
    "programs over rows and tangents give the same bits with every number of threads and instruction set") {
  const Tensor x = normal_numbers({700, 64}, 1, DType::f32), t = normal_numbers({6, 700, 64}, 2, DType::f32);
  const auto build = [&] {
    return std::vector<Tensor>{softmax(x * 2.0, -1) * t, sum(square(t * sigmoid(x)), {0}) + 1.0,
                               layer_norm(x, slice(x, 0, 0, 1), slice(x, 0, 1, 2)), logsumexp(x + 1.0, {-1})};
  };
  std::vector<std::vector<double>> first;
  const int threads_before = thread_count();
  const InstructionSet best = instruction_set();
  for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set > best) continue;
    set_instruction_set(set);
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      std::vector<std::vector<double>> found;
      for (const Tensor& y : build()) found.push_back(values(y));
      if (first.empty()) first = found;
      CHECK(found == first);
    }
  }
  set_thread_count(threads_before);
  set_instruction_set(best);
}

TEST_CASE("the cotangent of a number for each channel is summed while it is made") {
  const Shape picture{32, 3, 9, 10};
  const Tensor x = normal_numbers(picture, 1);
  const Tensor c = normal_numbers({1, 3, 1, 1}, 2);
  const auto of_channels = [&] {
    return vjp([&](const Tensor& v) { return tanh(x * v); }, c, full(picture, 1, DType::f64)).cotangent;
  };
  // Rows of places in one program, then a sum over samples; nothing of the size of the pictures is stored.
  const std::shared_ptr<const Plan> plan = checked_within(of_channels);
  CHECK(steps_folded(*plan, Fold::rows) == 1);
  CHECK(plan->arena_bytes() < static_cast<std::size_t>(picture.size()) * sizeof(double) / 8);
  const Tensor slope = 1 - square(tanh(x * c));
  const Tensor expected = sum(slope * x, {0, 2, 3}, /*keep_axes=*/true);
  CHECK(distance(of_channels(), expected) < 1e-10);
}

}  // namespace nabla::test
