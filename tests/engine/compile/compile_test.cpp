#include "engine/compile/compile.h"

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

bool same_values(const Tensor& a, const Tensor& b) { return values(a) == values(b); }

}  // namespace

TEST_CASE("a compiled function gives what the function gives, and traces it once for each signature") {
  int traces = 0;
  const auto f = [&](const Tensor& x, const Tensor& y) {
    ++traces;
    return nabla::tanh(matmul(x, y)) * sum(x);
  };
  const auto compiled = compile(f);
  const Tensor y = counting({3, 2}, 0.1);
  for (int turn = 1; turn <= 5; ++turn) {
    const Tensor x = counting({4, 3}, 0.05 * turn);
    CHECK(same_values(compiled(x, y), f(x, y)));
  }
  CHECK(traces == 6);  // five calls of f itself
  CHECK(same_values(compiled(counting({5, 3}), y), f(counting({5, 3}), y)));
  const auto single = [](const Tensor& x) { return cast(x, DType::f32); };
  compiled(single(counting({4, 3})), single(y));
  CHECK(compiled.statistics().traces == 3);
  CHECK(compiled.statistics().plans == 3);
  CHECK(compiled.statistics().calls == 7);
  compiled(counting({4, 3}, 2), y);
  CHECK(compiled.statistics().traces == 3);
  CHECK(contains(explain(compiled), "contraction"));
  compiled.clear();
  CHECK(compiled.statistics().plans == 0);
  compiled(counting({4, 3}, 2), y);
  CHECK(compiled.statistics().traces == 4);
}

TEST_CASE("arguments may be numbers, results a tensor, several or none") {
  const auto scaled =
      compile([](const Tensor& x, const Tensor& factor, const Tensor& shift) -> std::vector<Tensor> {
        return {x * factor, x + cast(shift, DType::f64)};
      });
  for (int turn = 0; turn < 3; ++turn) {
    const std::vector<Tensor> results = scaled(f64({1, 2}, {2}), 0.5 * turn, turn);
    CHECK(values(results[0]) == std::vector<double>{0.5 * turn, turn * 1.0});
    CHECK(values(results[1]) == std::vector<double>{1.0 + turn, 2.0 + turn});
  }
  CHECK(scaled.statistics().traces == 1);
  const auto dtypes = compile([](const Tensor& a, const Tensor& b, const Tensor& c) {
    CHECK(a.dtype() == DType::f64);
    CHECK(b.dtype() == DType::f32);
    CHECK(c.dtype() == DType::i64);
    CHECK(c.rank() == 0);
  });
  dtypes(1.0, 1.0f, 1);
  dtypes(1.0, 1.0f, std::size_t{2});
  CHECK(contains(error_of([&] { dtypes(1.0, 1.0f, ~std::uint64_t{0}); }), "too large for i64"));
  static_assert(std::is_void_v<decltype(dtypes(1.0, 1.0f, 1))>);
  CHECK(dtypes.statistics().traces == 1);

  const auto constant = compile([] { return ones({2}, DType::f64) * 3; });
  CHECK(values(constant()) == std::vector<double>{3, 3});
  CHECK(values(constant()) == std::vector<double>{3, 3});

  const auto of_vector = compile([](const std::vector<Tensor>& xs) {
    Tensor total = xs[0];
    for (std::size_t i = 1; i < xs.size(); ++i) total = total + xs[i];
    return total;
  });
  const Tensor x = f64({1}, {1});
  CHECK(of_vector({x, x}).item() == 2);
  CHECK(of_vector({x, x, x}).item() == 3);
  CHECK(of_vector.statistics().plans == 2);
  const std::function<Tensor(const Tensor&)> kept = compile([](const Tensor& a) { return a * 2; });
  CHECK(kept(x).item() == 2);
}

TEST_CASE("outputs that are inputs, cells, constants or each other") {
  Cell cell(f64({7, 8}, {2}));
  const Tensor constant = f64({5}, {1});
  const auto f = compile([&](const Tensor& x, const Tensor& y, const Tensor& unused) -> std::vector<Tensor> {
    CHECK(unused.rank() == 1);
    const Tensor sum = x + y;
    return {x, y, x, cell.get(), constant, sum, sum, reshape(x, {2, 1})};
  });
  const Tensor x = f64({1, 2}, {2});
  for (int turn = 0; turn < 2; ++turn) {
    const std::vector<Tensor> results = f(x, x, f64({0}, {1}));  // the same tensor twice is two inputs
    CHECK(values(results[0]) == std::vector<double>{1, 2});
    CHECK(values(results[1]) == std::vector<double>{1, 2});
    CHECK(values(results[2]) == std::vector<double>{1, 2});
    CHECK(values(results[3]) == std::vector<double>{7, 8});
    CHECK(values(results[4]) == std::vector<double>{5});
    CHECK(values(results[5]) == std::vector<double>{2, 4});
    CHECK(values(results[6]) == std::vector<double>{2, 4});
    CHECK(results[7].shape() == Shape{2, 1});
    for (const Tensor& result : results) CHECK(result.node().inputs().empty());
    CHECK_FALSE(same(results[0], x));
  }
  const std::vector<Tensor> results = f(x, f64({3, 3}, {2}), f64({0}, {1}));
  CHECK(values(results[1]) == std::vector<double>{3, 3});
  CHECK(f.statistics().traces == 1);
}

TEST_CASE("cells are read at entry and assigned at the end") {
  Cell a(f64({1}, {1}));
  Cell b(f64({10}, {1}));
  const auto swap = compile([&] {
    const Tensor old = a.get();
    a.assign(b.get());
    b.assign(old);
  });
  swap();
  CHECK(a.get().item() == 10);
  CHECK(b.get().item() == 1);
  swap();
  CHECK(a.get().item() == 1);
  CHECK(a.version() == 2);

  const auto accumulate = compile([&](const Tensor& x) {
    const Tensor before = a.get();
    a.assign(before + x);
    CHECK_FALSE(same(a.get(), before));
    a.assign(a.get() * 2);  // a read after an assignment sees it
    return before;
  });
  CHECK(accumulate(f64({2}, {1})).item() == 1);
  CHECK(a.get().item() == 6);
  CHECK(a.version() == 3);  // one new version for each call
  a.assign(f64({100}, {1}));
  CHECK(accumulate(f64({1}, {1})).item() == 100);
  CHECK(a.get().item() == 202);
  CHECK(accumulate.statistics().traces == 1);
  CHECK(swap.statistics().traces == 1);
  swap();  // the same cells in another compiled function
  CHECK(b.get().item() == 202);
}

TEST_CASE("an assigned value that is read again is a leaf, as it is outside of compile") {
  Cell a(f64({3}, {1}));
  Cell b(f64({3}, {1}));
  const auto f = [&](const Tensor& x) -> std::vector<Tensor> {
    a.assign(square(x));
    b.assign(square(x));  // the same expression, but another cell
    const Tensor y = sum(a.get() * b.get() * b.get());
    return gradients(y, {a.get(), b.get(), x});
  };
  const Tensor x = f64({2}, {1});
  const std::vector<Tensor> expected = f(x);
  const std::vector<Tensor> found = compile(f)(x);
  const std::vector<double> by_hand{16, 32, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(expected[i].item() == by_hand[i]);
    CHECK(found[i].item() == by_hand[i]);
  }
}

TEST_CASE("assignments and reads of them may follow each other") {
  Cell a(f64({1}, {1}));
  Cell b(f64({1}, {1}));
  const auto f = [&](const Tensor& x) -> std::vector<Tensor> {
    a.assign(x * 2);
    const Tensor first = a.get();
    a.assign(first + 1);
    b.assign(a.get() * 10);
    b.assign(b.get() + first);
    return {first, a.get(), b.get()};
  };
  const auto compiled = compile(f);
  for (int turn = 1; turn < 4; ++turn) {
    const std::vector<Tensor> results = compiled(f64({1.0 * turn}, {1}));
    CHECK(results[0].item() == 2 * turn);
    CHECK(results[1].item() == 2 * turn + 1);
    CHECK(results[2].item() == 22 * turn + 10);
    CHECK(a.get().item() == 2 * turn + 1);
    CHECK(b.get().item() == 22 * turn + 10);
  }
}

TEST_CASE("a call that fails changes no cell") {
  Cell count(i64({0}, {1}));
  Cell state(f64({1, 2, 3}, {3}));
  const auto f = compile([&](const Tensor& index) {
    count.assign(count.get() + 1);
    state.assign(state.get() * 2);
    return take(state.get(), index);
  });
  CHECK(f(i64({2}, {1})).item() == 6);
  CHECK(contains(error_of([&] { f(i64({5}, {1})); }), "gather: index 5"));
  CHECK(count.version() == 1);
  CHECK(state.version() == 1);
  CHECK(values(state.get()) == std::vector<double>{2, 4, 6});
  CHECK(f(i64({0}, {1})).item() == 4);

  const auto thrower = compile([&](const Tensor& x) {
    count.assign(count.get() + 1);
    if (x.rank() == 1) throw Error("not today");
    return x;
  });
  CHECK(error_of([&] { thrower(f64({1}, {1})); }) == "not today");
  CHECK(count.version() == 2);
  CHECK(count.get().item() == 2);  // and reading works: nothing is traced any more
  CHECK(thrower(f64({1}, {1, 1})).item() == 1);
  CHECK(count.get().item() == 3);
}

TEST_CASE("values that depend on inputs or cells are not read inside") {
  Cell cell(f64({1}, {1}));
  const Tensor x = f64({1}, {1});
  const auto message = [&](auto f) { return error_of([&] { compile(f)(x); }); };
  const std::string of_input = message([](const Tensor& v) { return v * v.item(); });
  CHECK(contains(of_input, "compile: the function reads a value that depends on an input [1] f64"));
  CHECK(contains(of_input, "return it and read it outside"));
  CHECK(contains(message([](const Tensor& v) { return v + (v * 2).detach(); }), "depends on an input"));
  CHECK(contains(message([&](const Tensor& v) { return v * cell.get().to_vector<double>()[0]; }),
                 "depends on a cell [1] f64"));
  CHECK(contains(message([&](const Tensor& v) {
                   cell.assign(ones({1}, DType::f64));
                   return v * cell.get().item();
                 }),
                 "depends on a cell"));
  CHECK(contains(message([&](const Tensor& v) { return v * static_cast<double>(cell.version()); }),
                 "a cell's version"));
  CHECK(contains(message([](const Tensor& v) {
                   const Cell own(ones({1}));
                   return v * cast(own.get(), DType::f64);
                 }),
                 "the function made a cell"));
  CHECK(contains(message([](const Tensor&) { return Tensor(); }), "returned an empty tensor"));
  CHECK(cell.get().item() == 1);

  // Constants have values: they do not change from call to call.
  const auto fine = compile([](const Tensor& v) { return v * (ones({}, DType::f64) * 3).item(); });
  CHECK(fine(x).item() == 3);

  // A traced tensor that is carried out has no value there, nor in another function.
  Tensor leaked;
  const auto leak = compile([&](const Tensor& v) {
    leaked = v * 2;
    return leaked;
  });
  CHECK(leak(x).item() == 2);
  CHECK(contains(error_of([&] { leaked.item(); }), "depends on a variable"));
  CHECK(contains(message([&](const Tensor& v) { return v * leaked; }),
                 "compile: the function uses a tensor that depends on a variable [1] f64"));
}

TEST_CASE("captured tensors are constants, computed once and kept alive") {
  const Tensor x = f64({1, 2}, {2});
  Tensor captured = matmul(f64({0.5, 1}, {1, 2}), f64({1, 2, 3, 4}, {2, 2}));
  const auto f = compile([&](const Tensor& v) { return v * (nabla::exp(captured) + 1) + captured; });
  CHECK(distance(f(x), f64({1 + std::exp(3.5) + 3.5, 2 + 2 * std::exp(5) + 5}, {1, 2})) < 1e-12);
  captured = zeros({1, 2}, DType::f64);  // too late
  CHECK(distance(f(x), f64({1 + std::exp(3.5) + 3.5, 2 + 2 * std::exp(5) + 5}, {1, 2})) < 1e-12);
  CHECK(f.statistics().traces == 1);
  CHECK_FALSE(contains(explain(f), "contraction"));
  CHECK(contains(explain(f), "1 step, "));
}

TEST_CASE("what is made of cells that are not assigned is computed once for each version") {
  Cell w(counting({3, 4}, 0.1));
  Cell v(counting({4, 2}, 0.1));
  Cell untouched(ones({2}, DType::f64));
  const auto f = [&](const Tensor& x) {
    return matmul(x, nabla::exp(matmul(w.get(), v.get()))) * untouched.get();
  };
  const auto compiled = compile(f);
  const Tensor x = counting({5, 3}, 0.2);
  for (int turn = 0; turn < 3; ++turn) CHECK(same_values(compiled(x * turn), f(x * turn)));
  CHECK(compiled.statistics().prologue_runs == 1);
  v.assign(counting({4, 2}, 0.3));
  for (int turn = 0; turn < 3; ++turn) CHECK(same_values(compiled(x * turn), f(x * turn)));
  CHECK(compiled.statistics().prologue_runs == 2);
  untouched.assign(zeros({2}, DType::f64));  // read by the call alone
  CHECK(same_values(compiled(x), f(x)));
  CHECK(compiled.statistics().prologue_runs == 2);
  const std::string text = explain(compiled);
  const std::size_t call = text.find("\ncall:");
  REQUIRE(call != std::string::npos);
  CHECK(contains(text.substr(0, call), "exp"));
  CHECK_FALSE(contains(text.substr(call), "exp"));
}

TEST_CASE("views of cells and of the prologue take no memory") {
  Cell w(counting({100, 50}, 0.001));
  const auto f = [&](const Tensor& x) {
    const Tensor repeated = broadcast_to(insert_axes(nabla::exp(w.get()), {-3}), {20, 100, 50});
    return sum(x * repeated) + sum(matmul(x, transpose(w.get())));
  };
  const auto compiled = compile(f);
  const Tensor x = counting({20, 100, 50}, 1e-5).detach();
  const std::size_t before = memory_statistics().live_bytes;
  CHECK(compiled(x).item() == f(x).item());
  CHECK(compiled.statistics().prologue_runs == 1);
  CHECK(memory_statistics().live_bytes - before < 2 * 100 * 50 * 8);
}

TEST_CASE("a function without inputs that assigns nothing is all prologue") {
  Cell w(f64({1, 2}, {2}));
  const auto f = compile([&]() -> std::vector<Tensor> {
    return {nabla::exp(w.get()), reshape(w.get(), {2, 1})};
  });
  for (int turn = 1; turn < 4; ++turn) {
    w.assign(f64({1.0 * turn, 2}, {2}));
    for (int again = 0; again < 2; ++again) {
      CHECK(values(f()[0])[0] == doctest::Approx(std::exp(turn)));
      CHECK(values(f()[1])[0] == turn);
    }
  }
  CHECK(f.statistics().prologue_runs == 3);
  CHECK(f.statistics().calls == 12);
}

TEST_CASE("what depends on a cell that is assigned is computed in every call") {
  Cell w(f64({1}, {1}));
  const auto f = compile([&] {
    const Tensor y = nabla::exp(w.get());
    w.assign(w.get() + 1);
    return y;
  });
  for (int turn = 1; turn < 4; ++turn) CHECK(f().item() == doctest::Approx(std::exp(turn)));
  CHECK(f.statistics().prologue_runs == 0);
}

TEST_CASE("derivatives inside a compiled function, and compiled functions inside derivatives") {
  const auto f = [](const Tensor& x) { return sum(nabla::sin(x) * nabla::exp(x)); };
  const Tensor x = f64({0.5, -1, 2}, {3});
  const Tensor v = f64({1, 2, 3}, {3});
  const auto inside = [&](const Tensor& at, const Tensor& along) -> std::vector<Tensor> {
    return {grad(f, at), jvp(f, at, along).tangent, hvp(f, at, along),
            vmap([&](const std::vector<Tensor>& rows) { return std::vector{square(rows[0]) * along}; },
                 {counting({4, 3})}, {0})[0]};
  };
  const std::vector<Tensor> expected = inside(x, v);
  const std::vector<Tensor> found = compile(inside)(x, v);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(same_values(found[i], expected[i]));

  // Under the variable of a transform it is the function itself.
  const auto compiled = compile(f);
  compiled(x);
  CHECK(same_values(grad([&](const Tensor& at) { return compiled(at) * 2; }, x),
                    grad([&](const Tensor& at) { return f(at) * 2; }, x)));
  CHECK(compiled.statistics().traces == 1);
  // Outside of one its results are leaves: a derivative that finds nothing else is refused.
  const Tensor leaf = compiled(x), ct = ones_like(leaf);
  const auto lost = [](const std::string& message) { return contains(message, " of a compiled function, "); };
  CHECK(lost(error_of([&] { gradients(leaf * 2, {x}); })));
  CHECK(lost(error_of([&] { jvp(leaf, x, v); })));
  const Cell cell(x);
  const auto loss = compile([&](const Tensor& at) { return sum(cell.get() * at); });
  CHECK(lost(error_of([&] { gradients(loss(v), {cell.get()}); })));
  CHECK(gradients(leaf.detach(), {x})[0].to_vector<double>() == std::vector<double>{0, 0, 0});
  CHECK(gradients(stop_gradient(leaf) * ct, {x})[0].to_vector<double>() == std::vector<double>{0, 0, 0});
  CHECK(gradients(sum(x * leaf), {x})[0].to_vector<double>() == std::vector<double>(3, leaf.item()));
  CHECK(grad([&](const Tensor&) { return leaf; }, x).to_vector<double>() == std::vector<double>{0, 0, 0});
  // A variable that it captures is no input.
  CHECK(contains(
      error_of([&] {
        grad([&](const Tensor& at) { return compile([&](const Tensor& y) { return sum(at * y); })(v); }, x);
      }),
      "depends on a variable [3] f64 of jvp, vjp, grad or vmap around it"));
}

TEST_CASE("a compiled function inside another becomes part of it") {
  Cell count(i64({0}, {}));
  int traces = 0;
  const auto inner = compile([&](const Tensor& x) {
    ++traces;
    count.assign(count.get() + 1);
    return x * x;
  });
  const auto outer = compile([&](const Tensor& x) { return inner(inner(x)); });
  for (int turn = 1; turn < 4; ++turn) CHECK(outer(f64({2}, {1})).item() == 16);
  CHECK(count.get().item() == 6);
  CHECK(count.version() == 3);
  CHECK(traces == 2);
  CHECK(inner.statistics().plans == 0);

  const auto tick = compile([&] { count.assign(count.get() + 1); });
  const auto twice = compile([&] {
    tick();
    tick();
    return count.get();
  });
  CHECK(twice().item() == 8);
  CHECK(twice().item() == 10);
  CHECK(tick.statistics().traces == 0);
}

TEST_CASE("signatures are bounded, and the least recently used one makes room") {
  int traces = 0;
  const auto f = compile([&](const Tensor& x) {
    ++traces;
    return sum(x);
  });
  for (std::int64_t n = 1; n <= 100; ++n) {
    CHECK(f(ones({n}, DType::f64)).item() == static_cast<double>(n));
    CHECK(f(ones({1}, DType::f64)).item() == 1);
  }
  CHECK(traces == 100);
  CHECK(f.statistics().plans < 100);
  CHECK(f.statistics().plans >= 16);
  f(ones({2}, DType::f64));
  CHECK(traces == 101);
}

TEST_CASE("inputs that are not computed yet are computed, and rank and type make signatures") {
  const auto f = compile([](const Tensor& x) { return x + x; });
  const Tensor pending = nabla::exp(f64({1}, {1})) * 2;
  CHECK(f(pending).item() == doctest::Approx(4 * std::exp(1)));
  CHECK(pending.node().has_value());
  CHECK(f(f64({1}, {1, 1})).shape() == Shape{1, 1});
  CHECK(f(i64({3}, {1})).to_vector<std::int64_t>()[0] == 6);
  CHECK(f.statistics().plans == 3);
  CHECK(contains(error_of([&] { f(Tensor()); }), "the handle is empty"));
}

TEST_CASE("old versions of cells do not outlive a call") {
  constexpr std::size_t kBytes = 100'000 * 8;
  clear_plan_cache();  // or plans of other tests, which hold constants, make room meanwhile
  const std::size_t before = memory_statistics().live_bytes;
  Cell cell(zeros({100'000}, DType::f64));
  const auto f = compile([&](const Tensor& x) { cell.assign(cell.get() + x); });
  for (int turn = 0; turn < 4; ++turn) {
    f(1.0);
    CHECK(memory_statistics().live_bytes < before + kBytes + 1000);
  }
  reset_peak_memory();
  f(1.0);
  CHECK(memory_statistics().peak_bytes < before + kBytes + 1000);  // written over the old one
  CHECK(cell.get()[99'999].item() == 5);

  // Somebody who holds the old value keeps it: then a call takes a copy.
  const Tensor held = cell.get();
  reset_peak_memory();
  f(1.0);
  CHECK(memory_statistics().peak_bytes >= before + 2 * kBytes);
  CHECK(held[0].item() == 5);
  CHECK(cell.get()[0].item() == 6);
}

TEST_CASE("a new value is not written over the old one where that is still read") {
  Cell a(f64({1, 2, 3}, {3}));
  Cell b(f64({5, 5, 5}, {3}));
  // a's old value is read after its new one is known, as a whole, backwards and in another order.
  const auto f = compile([&]() -> std::vector<Tensor> {
    const Tensor old = a.get();
    const Tensor fresh = old + b.get();
    a.assign(fresh);
    b.assign(sum(fresh) * old);
    return {flip(old, 0) * fresh, old * fresh};
  });
  const std::vector<Tensor> first = f();
  CHECK(values(first[0]) == std::vector<double>{18, 14, 8});
  CHECK(values(first[1]) == std::vector<double>{6, 14, 24});
  CHECK(values(a.get()) == std::vector<double>{6, 7, 8});
  CHECK(values(b.get()) == std::vector<double>{21, 42, 63});
  f();
  CHECK(values(a.get()) == std::vector<double>{27, 49, 71});
  CHECK(values(b.get()) == std::vector<double>{147 * 6, 147 * 7, 147 * 8});
}

TEST_CASE("NaN mode names the line inside the function") {
  const auto f = compile([](const Tensor& x) {
    const Tensor bad = nabla::log(nabla::exp(x) - 1);
    return nabla::exp(bad) * 2;
  });
  const int line = __LINE__ - 3;
  CHECK(std::isnan(f(f64({-1}, {1})).item()));
  set_nan_mode(true);
  const std::string message = error_of([&] { f(f64({-1}, {1})); });
  set_nan_mode(false);
  CHECK(contains(message, "nan mode: log [1]"));
  CHECK(contains(message, "compile_test.cpp:" + std::to_string(line)));
  CHECK(std::isnan(f(f64({-1}, {1})).item()));
}

TEST_CASE("several threads call one compiled function, and cells lose nothing") {
  Cell total(f64({0, 0}, {2}));
  Cell scale(f64({1, 2}, {2}));
  constexpr int kThreads = 4;
  constexpr int kCalls = 50;
  std::atomic<int> started = 0;
  std::atomic<int> traces = 0;
  const auto add = compile([&](const Tensor& x) {
    ++traces;
    while (started < kThreads) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the others wait for this trace
    total.assign(total.get() + x * nabla::exp(scale.get() * 0));
    return sum(x) + sum(total.get()) * 0;
  });
  std::array<double, kThreads> sums{};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      ++started;
      for (int i = 0; i < kCalls; ++i) {
        sums[t] += add(f64({1.0 * t, 1}, {2})).item();
        if (i % 10 == 0) scale.assign(f64({1.0 * i, 2}, {2}));
        if (i % 7 == 0) CHECK(total.get()[1].item() >= 1);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(traces == 1);
  for (int t = 0; t < kThreads; ++t) CHECK(sums[t] == kCalls * (t + 1.0));
  CHECK(values(total.get()) == std::vector<double>{kCalls * 6.0, kCalls * kThreads * 1.0});
  CHECK(total.version() == kCalls * kThreads);
}

}  // namespace nabla::test
