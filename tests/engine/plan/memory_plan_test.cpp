#include "engine/plan/memory.h"

#include <array>
#include <functional>

#include "engine/graph/attention_attributes.h"
#include "tests/engine/numbers.h"
#include "tests/engine/plan_faults.h"

// Results that take over memory, and temporaries that share it: where it would be wrong, and where it has to
// happen.

namespace nabla::test {
namespace {

using Build = std::function<std::vector<Tensor>()>;

// Elements of the results by the optimised plan and by the reference; plans without faults.
void check_results(const std::string& what, const Build& build) {
  INFO(what);
  set_plan_optimisations(false);
  std::vector<std::vector<double>> expected;
  for (const Tensor& result : build()) expected.push_back(values(result));
  set_plan_optimisations(true);
  const std::vector<Tensor> results = build();
  for (const std::string& fault : plan_faults(*make_plan(results).plan)) FAIL_CHECK(fault);
  evaluate(results);
  for (std::size_t i = 0; i < results.size(); ++i) {
    INFO("result ", i);
    CHECK(values(results[i]) == expected[i]);
  }
}

// Built by a function, so that no handle to what is on the way is left.
std::size_t arena_of(const std::function<Tensor()>& build) {
  const Tensor y = build();
  return make_plan(std::span(&y, 1)).plan->arena_bytes();
}

// A value that no program makes, so that it lies in memory of its own and dies with its last reader.
Tensor temporary(const Tensor& x) { return cumsum(x, -1); }

}  // namespace

TEST_CASE("a value is not written over while somebody still reads it") {
  const Tensor x = nabla::sin(counting({40, 40})).detach();
  check_results("read by a later step", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {cumsum(nabla::exp(t * 0.1), 0) + cumsum(t, 0)};
  });
  check_results("read transposed by the same program", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {cumsum(nabla::sin(t) + transpose(t), 0)};
  });
  check_results("read transposed, then straight", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {nabla::sin(transpose(t)) * t};
  });
  check_results("read flipped", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {nabla::sin(t) * flip(t, 0), nabla::cos(flip(t, 1)) + t};
  });
  check_results("read repeated", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(slice(x, 0, 0, 1));
    return {(insert_axes(t, {-3}) * insert_axes(x, {-3})), t * 2};
  });
  check_results("rows repeated over a square", [&]() -> std::vector<Tensor> {
    const Tensor row = temporary(slice(x, 0, 0, 1));
    return {cumsum(row + transpose(row), 0)};
  });
  check_results("two results and one that dies", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {nabla::sin(t), nabla::cos(t), nabla::exp(t * 0.01)};
  });
  check_results("an early result, the value read later in the same program", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    const Tensor early = nabla::sin(t);
    return {early, early * 2 + t, nabla::tanh(early) - t * 3};
  });
  check_results("two that die and two results", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    const Tensor u = temporary(x * 2);
    const Tensor first = t + u;
    return {first, first * t - u};
  });
  check_results("a view is the result", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {nabla::sin(t), transpose(t)};
  });
  check_results("a slice dies later", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {cumsum(nabla::sin(t), 0), cumsum(slice(t, 0, 3, 9), 0)};
  });
}

TEST_CASE("a handle keeps a value that planning finds equal to another") {
  const Tensor x = nabla::sin(counting({8})).detach();
  const Tensor y = nabla::cos(counting({8})).detach();
  const Tensor held = x * y;
  const Tensor also_held = y * x * 1;
  const Tensor user = held + also_held;
  const Tensor asked = y * x;
  evaluate({asked, user});
  CHECK(held.node().has_value());
  CHECK(also_held.node().has_value());
  CHECK(values(held) == values(asked));
  CHECK(values(also_held) == values(asked));
  CHECK(values(user) == values(asked * 2));
}

TEST_CASE("results of another size than the value that dies") {
  const Tensor x = cast(nabla::sin(counting({64, 64})), DType::f32).detach();
  check_results("bools over f32", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {greater(t, 0.0), less(t, 1.0)};
  });
  check_results("bools beside f32", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    const Tensor above = greater(t, 0.0);
    return {above, select(above, t, nabla::sin(t))};
  });
  check_results("f64 from f32", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x);
    return {cast(t, DType::f64) * 2, t + 1};
  });
  check_results("as many bytes, other elements", [&]() -> std::vector<Tensor> {
    const Tensor half = temporary(cast(slice(x, 0, 0, 1), DType::f64));  // 64 f64, 512 bytes
    return {cast(half, DType::i32), cast(half, DType::f32), cast(half, DType::i64)};
  });
  check_results("integers over floats", [&]() -> std::vector<Tensor> {
    const Tensor t = temporary(x * 10);
    return {cast(t, DType::i32) + cast(t * 2, DType::i32)};
  });
}

TEST_CASE("memory is taken over where it can be") {
  const Tensor x = nabla::sin(counting({100, 100})).detach();
  constexpr std::size_t kBytes = 80'000;
  const std::size_t aligned = (kBytes + 63) / 64 * 64;
  // The result is made where its operand lay: nothing else is needed.
  CHECK(arena_of([&] { return nabla::exp(temporary(x)); }) == 0);
  // The operand is read transposed: it needs its own.
  CHECK(arena_of([&] { return nabla::exp(transpose(temporary(x))); }) == aligned);
  // A chain of two in turn.
  CHECK(arena_of([&] { return nabla::exp(temporary(nabla::exp(temporary(x) * 0.1))); }) == aligned);
}

TEST_CASE("cotangents of attention are written where they are read") {
  const Tensor q = random_normal({2, 3, 5, 4}, 1), k = random_normal({2, 3, 7, 4}, 2);
  const Tensor v = random_normal({2, 3, 7, 6}, 3), u = random_normal({2, 3, 5, 6}, 4);
  const auto pulled = [&] {
    return vjp(
               [](const std::vector<Tensor>& x) {
                 return std::vector{attention(x[0], x[1], x[2], {.form = AttentionForm::fused})};
               },
               {q, k, v}, {u})
        .cotangents;
  };
  CHECK(make_plan(pulled()).plan->arena_bytes() == 0);  // else all three, to be copied
  check_results("all three", pulled);
  check_results("one, transposed", [&]() -> std::vector<Tensor> { return {transpose(pulled()[1])}; });
  check_results("together and apart", [&]() -> std::vector<Tensor> {
    const std::vector<Tensor> parts = pulled();
    return {parts[0], cumsum(nabla::exp(parts[1]), -1), sum(parts[2], {-1}), parts[1] * 2};
  });
  const AttentionAttributes attributes{.causal = false, .primals = 3, .scale = 0.5};
  const auto joined = [&] {
    return apply(primitive_of(Op::attention_vjp), {q, k, v, u}, attributes.packed());
  };
  check_results("read whole, too", [&]() -> std::vector<Tensor> {
    return {slice(joined(), -1, 0, 20), cumsum(joined(), -1)};
  });
  check_results("over the end of a part", [&]() -> std::vector<Tensor> {
    return {slice(joined(), -1, 0, 20), slice(joined(), -1, 18, 46)};
  });
}

TEST_CASE("a compiled function writes over old values only when they are read") {
  // Every new value is written over an old one that others read straight, turned, repeated or later.
  const auto make = [](const std::vector<Cell*>& cells) {
    return [cells](const Tensor& input) {
      const Tensor a = cells[0]->get();
      const Tensor b = cells[1]->get();
      const Tensor total = sum(b);
      cells[0]->assign(nabla::sin(b) + a * input);
      cells[1]->assign(a * 0.5 + transpose(b));
      return total + sum(a * b);
    };
  };
  const Tensor first = nabla::sin(counting({30, 30}));
  std::array<Cell, 2> plain{Cell(first.detach()), Cell(nabla::cos(first).detach())};
  std::array<Cell, 2> updated{Cell(first.detach()), Cell(nabla::cos(first).detach())};
  const auto direct = make({&plain[0], &plain[1]});
  const auto compiled = compile(make({&updated[0], &updated[1]}));
  for (int turn = 0; turn < 5; ++turn) {
    const Tensor input = f64({0.3 * turn - 0.5}, {});
    CHECK(values(direct(input)) == values(compiled(input)));
    for (std::size_t i = 0; i < 2; ++i) CHECK(values(plain[i].get()) == values(updated[i].get()));
  }
}

TEST_CASE("temporaries that are needed together lie apart, and lie together when they are not") {
  std::vector<PlanStorage> storages;
  const auto add = [&](std::size_t bytes, int first, int last) {
    storages.push_back({PlanStorage::Kind::temporary, bytes, first, last, 0, false, false});
  };
  add(64, 0, 1);
  add(128, 1, 2);
  add(64, 2, 3);  // beside the second, in the place of the first
  CHECK(place_in_arena(storages, 0) == 192);
  CHECK(storages[0].offset == storages[2].offset);
  // Where there is room nothing is shared.
  CHECK(place_in_arena(storages, 256) == 256);
  CHECK(storages[2].offset == 192);
  CHECK(place_in_arena(storages, 255) == 192);
  // Between two that stay, a gap of just its size.
  storages.clear();
  add(256, 0, 9);
  add(192, 0, 2);
  add(128, 0, 9);
  add(192, 3, 5);
  add(65, 4, 9);
  CHECK(place_in_arena(storages, 0) == 256 + 192 + 128 + 128);
  CHECK(storages[1].offset == storages[3].offset);
}

}  // namespace nabla::test
