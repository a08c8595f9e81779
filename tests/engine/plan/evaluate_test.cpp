#include "engine/plan/evaluate.h"

#include "engine/plan/plan.h"
#include "tests/engine/numbers.h"

namespace nabla::test {

TEST_CASE("values stay only where a handle lives") {
  const Tensor x = f64({1, 2, 3}, {3});
  const Tensor y = nabla::exp(x) * 2;
  const Tensor z = sum(y);
  CHECK(z.item() > 0);
  CHECK(z.node().has_value());
  CHECK(y.node().has_value());                     // on the way, and a handle to it lives
  CHECK_FALSE(y.node().inputs()[0]->has_value());  // exp(x): only the graph refers to it

  Tensor w = nabla::sin(x);
  evaluate({w});
  const Tensor v = w * 3;
  Node* inner = &w.node();
  w = Tensor();
  CHECK(inner->has_value());
  CHECK(v.to_vector<double>().size() == 3);
  CHECK_FALSE(inner->has_value());  // its handle is gone and its user has used it
  CHECK(values(v + 0)[0] == doctest::Approx(3 * std::sin(1.0)));
}

TEST_CASE("memory returns when handles go") {
  clear_plan_cache();
  release_memory_cache();
  const std::size_t before = memory_statistics().live_bytes;
  {
    const Tensor x = ones({1000, 100});
    Tensor y = x;
    for (int i = 0; i < 20; ++i) y = nabla::sin(y) + 1;
    reset_peak_memory();
    evaluate({y});
    // One chain needs few values at a time.
    CHECK(memory_statistics().peak_bytes <= before + 4 * 400'000);
    CHECK(memory_statistics().live_bytes >= before + 400'000);
    CHECK(memory_statistics().live_bytes <= before + 500'000);  // blocks have a few sizes only
  }
  clear_plan_cache();  // plans hold their constants
  CHECK(memory_statistics().live_bytes == before);
}

TEST_CASE("the peak of a plan is known before it runs") {
  const Tensor x = iota(1000, DType::f64).detach();
  const Tensor y = nabla::exp(x) + nabla::sin(x);
  const PlannedGraph planned = make_plan(std::span(&y, 1));
  reset_peak_memory();
  const std::size_t before = memory_statistics().live_bytes;
  evaluate({y});
  const std::size_t used = memory_statistics().peak_bytes - before;
  CHECK(used == planned.plan->peak_bytes());
}

TEST_CASE("a variable has no value to read") {
  const Tensor x = ones({2});
  const std::string message = error_of([&] { grad([](const Tensor& v) { return v[0] * v[0].item(); }, x); });
  CHECK(contains(message, "evaluate: the result depends on a variable [2]"));
  CHECK(contains(message, "may not read values"));
  CHECK(contains(error_of([] { variable({2}, DType::f32).to_vector<float>(); }), "depends on a variable"));
}

TEST_CASE("detach makes a leaf: derivatives stop and history goes") {
  const Tensor x = f64({0.5}, {1});
  const Tensor y = nabla::exp(x);
  const Tensor cut = y.detach();
  CHECK(cut.item() == y.item());
  CHECK(cut.node().inputs().empty());
  const Tensor z = cut * x;
  CHECK(gradients(z, {x})[0].item() == cut.item());
}

TEST_CASE("an evaluated value in between still differentiates") {
  const Tensor x = f64({0.5}, {1});
  const Tensor y = nabla::exp(x);
  CHECK(y.item() > 0);
  CHECK(gradients(y * x, {x})[0].item() == doctest::Approx(std::exp(0.5) * 1.5));
}

TEST_CASE("a cell takes new values and keeps shape and type") {
  Cell cell(f64({1, 2}, {2}));
  const Tensor old = cell.get();
  const Tensor y = sum(square(old));
  CHECK(cell.version() == 0);
  cell.assign(old * 10);
  CHECK(cell.version() == 1);
  CHECK(values(cell.get()) == std::vector<double>{10, 20});
  CHECK(cell.get().node().inputs().empty());
  CHECK(y.item() == 5);  // built on the old version
  CHECK(contains(error_of([&] { cell.assign(f64({1}, {1})); }),
                 "cell: a value [1] f64 cannot replace [2] f64"));
  CHECK(contains(error_of([&] { cell.assign(ones({2})); }), "cell: a value [2] f32 cannot replace [2] f64"));
}

TEST_CASE("gather and scatter_add name an index outside their axis") {
  const Tensor x = counting({3, 2});
  for (const std::int64_t bad : {std::int64_t{3}, std::int64_t{-1}}) {
    CHECK(contains(error_of([&] {
                     values(take(x, i64({0, bad}, {2})));
                   }),
                   "gather: index " + std::to_string(bad) + " is outside axis -2 of [3, 2]"));
    CHECK(contains(error_of([&] {
                     values(scatter_add(x, i64({0, 1, bad}, {3, 1}), 0, 3));
                   }),
                   "scatter_add: index " + std::to_string(bad)));
  }
  CHECK(contains(error_of([&] { gather(x, ones({1, 2}), 0); }), "indices are i64"));
  // After an error everything goes on.
  CHECK(values(take(x, i64({2}, {1}))) == std::vector<double>{4, 5});
}

TEST_CASE("NaN mode names the operator and the line that built it") {
  const Tensor x = f64({1, -1}, {2});
  set_nan_mode(true);
  const int line = __LINE__ + 1;
  const Tensor bad = nabla::log(x);
  const std::string message = error_of([&] { values(sum(bad * 2)); });
  const Tensor fine = nabla::log(square(x));
  CHECK(error_of([&] { values(fine); }).empty());
  set_nan_mode(false);
  CHECK(contains(message, "nan mode: log [2]"));
  CHECK(contains(message, "evaluate_test.cpp:" + std::to_string(line)));
  CHECK(std::isnan(sum(bad * 2).item()));
}

}  // namespace nabla::test
