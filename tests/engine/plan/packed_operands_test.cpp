#include <cmath>
#include <functional>
#include <limits>

#include "engine/backend/products.h"
#include "engine/backend/threads.h"
#include "tests/engine/numbers.h"

// Operands of products that last from call to call are packed where the backend has a layout for them.

namespace nabla::test {
namespace {

// oneDNN alone has a layout of its own.
bool backend_packs() { return product_library() == ProductLibrary::onednn; }

/// How often the plans pack an operand, and how often they should where they may.
std::size_t packed(const std::string& explained) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = explained.find("  pack ", at)) != std::string::npos; ++at) ++count;
  return count;
}
std::size_t where_possible(std::size_t count) { return backend_packs() ? count : 0; }

Tensor waves(const Shape& shape, double salt) {
  return cast(nabla::sin(counting(shape, 0.37) + salt), DType::f32).detach();
}

class ThreadCount {
 public:
  ThreadCount() : before_(thread_count()) {}
  ~ThreadCount() { set_thread_count(before_); }

 private:
  int before_;
};

using OfOne = std::function<Tensor(const Tensor&)>;

// A product of `called` with an operand that lasts, `first` or second in the formula.
void expect_product(const char* formula, const Tensor& called, const Tensor& lasting, bool first) {
  const ThreadCount restored;
  const Cell cell(lasting);
  const auto product = [&](const Tensor& x, const Tensor& w) {
    return first ? einsum(formula, w, x) : einsum(formula, x, w);
  };
  const Tensor x = cast(called, DType::f64).detach();
  const Tensor w = cast(lasting, DType::f64).detach();
  const Tensor exact = product(x, w).detach();
  const Tensor terms = product(abs(x), abs(w)).detach();
  for (const OfOne& compiled : {OfOne(compile([&](const Tensor& v) { return product(v, lasting); })),
                                OfOne(compile([&](const Tensor& v) { return product(v, cell.get()); }))}) {
    std::vector<float> bits;
    for (const int threads : {1, 2, 3}) {
      set_thread_count(threads);
      const Tensor result = compiled(called);
      CHECK(reduce_max(abs(result - cast(exact, DType::f32)) / cast(terms, DType::f32)).item() < 4e-6);
      if (threads == 1) bits = result.to_vector<float>();
      CHECK(result.to_vector<float>() == bits);
    }
  }
}

// Of two results, in parts of the largest number.
double relative_distance(const Tensor& a, const Tensor& b) {
  return distance(a, b) / reduce_max(abs(b)).item();
}

constexpr std::int64_t kCalledRows = 256, kInputs = 500, kOutputs = 540;

}  // namespace

TEST_CASE("products with a packed operand") {
  struct Extents {
    std::int64_t m, k, n;
  };
  // One block, several of rows, of columns and of both, with remainders.
  for (const auto& [m, k, n] : {Extents{1, 300, 1000}, Extents{5, 517, 519}, Extents{131, 70, 67},
                                Extents{300, 500, 533}, Extents{700, 261, 1030}}) {
    INFO(m, " x ", k, " x ", n);
    expect_product("mk,kn->mn", waves({m, k}, 0.2), waves({k, n}, 1.3), false);
    expect_product("mk,nk->mn", waves({m, k}, 0.2), waves({n, k}, 1.3), false);
    expect_product("km,kn->mn", waves({k, m}, 0.2), waves({k, n}, 1.3), false);
    expect_product("kn,mk->mn", waves({m, k}, 0.2), waves({k, n}, 1.3), true);
    expect_product("bmk,kn->bmn", waves({2, m, k}, 0.2), waves({k, n}, 1.3), false);
    expect_product("mk,kn->nm", waves({m, k}, 0.2), waves({k, n}, 1.3), false);
    // A part of a larger matrix.
    expect_product("mk,kn->mn", waves({m, k}, 0.2), slice(waves({k + 3, n}, 1.3), 0, 3, k + 3), false);
    expect_product("mk,kn->mn", waves({m, k}, 0.2), slice(waves({k, n + 8}, 1.3), 1, 5, n + 5), false);
  }
}

TEST_CASE("an infinite or missing number stays in its row") {
  // Packing fills up with zeros, which must meet none of these.
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  constexpr std::int64_t kColumns = 519, kTerms = 517;
  std::vector<float> rows(kCalledRows * kTerms, 0.5f);
  rows[7 * kTerms + kTerms - 1] = kInfinite;
  rows[8 * kTerms] = std::numeric_limits<float>::quiet_NaN();
  const Tensor w = (waves({kTerms, kColumns}, 0.1) + 2).detach();
  const auto product = compile([&](const Tensor& x) { return matmul(x, w); });
  const std::vector<float> found = product(tensor<float>(rows, {kCalledRows, kTerms})).to_vector<float>();
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::size_t row = i / kColumns;
    if (std::isinf(found[i]) != (row == 7) || std::isnan(found[i]) != (row == 8))
      FAIL("element ", i, " is ", found[i]);
  }
}

TEST_CASE("what is packed, and what is not") {
  const Tensor x = waves({kCalledRows, kInputs}, 0.2);
  const Tensor w = waves({kInputs, kOutputs}, 1.3);
  Cell cell(w);
  Cell other(waves({kOutputs, kInputs}, 0.4));
  const auto explained = [&](auto f, auto... arguments) {
    const auto compiled = compile(f);
    compiled(arguments...);
    return explain(compiled);
  };
  const std::string constant = explained([&](const Tensor& v) { return matmul(v, w); }, x);
  CHECK(packed(constant) == where_possible(1));
  CHECK(contains(constant, "packed for products: once, ") == backend_packs());
  const std::string of_cell = explained([&](const Tensor& v) { return matmul(v, cell.get()); }, x);
  CHECK(packed(of_cell) == where_possible(1));
  CHECK(contains(of_cell, "packed for products: for each version of its cells") == backend_packs());

  // Products that read it alike share it; one that reads it across needs its own.
  CHECK(packed(explained(
            [&](const Tensor& v) {
              return matmul(v, cell.get()) + matmul(v * 2, cell.get()) +
                     matmul(matmul(matmul(v, cell.get()), transpose(cell.get())), cell.get());
            },
            x)) == where_possible(2));
  CHECK(packed(explained([&](const Tensor& v) { return matmul(matmul(v, cell.get()), other.get()); }, x)) ==
        where_possible(2));

  CHECK(packed(explained([](const Tensor& v, const Tensor& weight) { return matmul(v, weight); }, x, w)) ==
        0);
  const auto updated = [&](const Tensor& v) {
    const Tensor y = matmul(v, cell.get());
    cell.assign(cell.get() * 0.5);
    return y;
  };
  CHECK(packed(explained(updated, x)) == 0);
  const auto gradient = [&](const Tensor& v) {
    return gradients(sum(square(matmul(v, cell.get()))), {cell.get()});
  };
  CHECK(packed(explained(gradient, x)) == 0);
  const auto gradient_of_scaled = [&](const Tensor& v) {
    return gradients(sum(square(matmul(v, cell.get() * 2))), {cell.get()});
  };
  CHECK(packed(explained(gradient_of_scaled, x)) == 0);
  const Tensor small = waves({kInputs, 64}, 0.3);
  CHECK(packed(explained([&](const Tensor& v) { return matmul(v, small); }, x)) == 0);
  const Tensor double_w = cast(w, DType::f64).detach();
  CHECK(packed(explained([&](const Tensor& v) { return matmul(cast(v, DType::f64), double_w); }, x)) == 0);
  set_plan_optimisations(false);
  const std::string reference = explained([&](const Tensor& v) { return matmul(v, w); }, x);
  set_plan_optimisations(true);
  CHECK(packed(reference) == 0);
  set_nan_mode(true);
  const std::string checked = explained([&](const Tensor& v) { return matmul(v, w); }, x);
  set_nan_mode(false);
  CHECK(packed(checked) == 0);
}

TEST_CASE("a new version of a cell is packed before the next call") {
  const Tensor x = waves({kCalledRows, kInputs}, 0.2);
  Cell a(waves({kInputs, kOutputs}, 1.3));
  Cell b(waves({kOutputs, kInputs}, 0.4));
  // b's cell is read by the product itself, a's through what the prologue makes of it.
  const auto f = [&](const Tensor& v) { return matmul(matmul(v, a.get() * 2), b.get()); };
  const auto compiled = compile(f);
  CHECK(relative_distance(compiled(x), f(x)) < 1e-5);
  const auto expect_new = [&](Cell& cell) {
    const Tensor before = compiled(x);
    cell.assign(cell.get() * -3);
    CHECK(relative_distance(compiled(x), f(x)) < 1e-5);
    CHECK(relative_distance(compiled(x), before) > 0.5);
  };
  expect_new(b);
  expect_new(a);
  expect_new(b);
  const std::size_t live = memory_statistics().live_bytes;
  expect_new(a);
  CHECK(memory_statistics().live_bytes == live);  // the old one is gone
  CHECK(compiled.statistics().traces == 1);
  CHECK(packed(explain(compiled)) == where_possible(2));
}

TEST_CASE("a call does not list what it reads packed alone") {
  const Tensor x = waves({kCalledRows, kInputs}, 0.2);
  const Cell cell(waves({kInputs, kOutputs}, 1.3));
  const auto once = compile([&](const Tensor& v) { return matmul(v, cell.get()); });
  once(x);
  CHECK(once.plans().back().plan->leaves().size() == 2);
  const auto twice =
      compile([&](const Tensor& v) { return matmul(v, cell.get()) + sum(cell.get() * sum(v)); });
  const Tensor first = twice(x);
  CHECK(twice.plans().back().plan->leaves().size() == (backend_packs() ? 3 : 2));
  CHECK(relative_distance(first, matmul(x, cell.get()) + sum(cell.get() * sum(x))) < 1e-5);
  // A result that is the cell itself stays what it was.
  const auto both = compile([&](const Tensor& v) -> std::vector<Tensor> {
    return {matmul(v, cell.get()), cell.get()};
  });
  CHECK(distance(both(x)[1], cell.get()) == 0);
}

}  // namespace nabla::test
