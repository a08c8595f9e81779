#include "engine/autodiff/attention.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "engine/engine.h"
#include "engine/plan/evaluate.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

constexpr std::size_t kAttendedSamples = 2, kQueries = 3, kKeys = 4, kScored = 2, kValue = 3;

struct Attending {
  Tensor q = normal(random_key(1), Shape{kAttendedSamples, kQueries, kScored}, DType::f64);
  Tensor k = normal(random_key(2), Shape{kAttendedSamples, kKeys, kScored}, DType::f64);
  Tensor v = normal(random_key(3), Shape{kAttendedSamples, kKeys, kValue}, DType::f64);
};

// By loops; `added` tells what is added to the score of a query and a key, -inf for nothing at all.
template <class Added>
std::vector<double> attended(const Attending& at, double scale, const Added& added) {
  const std::vector<double> q = values(at.q), k = values(at.k), v = values(at.v);
  std::vector<double> result(kAttendedSamples * kQueries * kValue);
  for (std::size_t b = 0; b < kAttendedSamples; ++b)
    for (std::size_t i = 0; i < kQueries; ++i) {
      double total = 0;
      std::vector<double> weights;
      for (std::size_t j = 0; j < kKeys; ++j) {
        double score = 0;
        for (std::size_t c = 0; c < kScored; ++c)
          score += q[(b * kQueries + i) * kScored + c] * k[(b * kKeys + j) * kScored + c];
        weights.push_back(std::exp(scale * score + added(b, i, j)));
        total += weights.back();
      }
      for (std::size_t c = 0; c < kValue; ++c)
        for (std::size_t j = 0; j < kKeys && total > 0; ++j)
          result[(b * kQueries + i) * kValue + c] += weights[j] / total * v[(b * kKeys + j) * kValue + c];
    }
  return result;
}

void check_attended(const Tensor& found, const std::vector<double>& expected) {
  const std::vector<double> got = values(found);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-13));
  }
}

constexpr double kMasked = -std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("attention is that of loops, for every kind of mask") {
  const Attending at;
  const double scale = 1 / std::sqrt(2.0);
  check_attended(attention(at.q, at.k, at.v), attended(at, scale, [](auto, auto, auto) { return 0.0; }));
  check_attended(attention(at.q, at.k, at.v, {.scale = 0.3}),
                 attended(at, 0.3, [](auto, auto, auto) { return 0.0; }));
  check_attended(attention(at.q, at.k, at.v, {.causal = true}),
                 attended(at, scale, [](auto, auto i, auto j) { return j <= i ? 0 : kMasked; }));
  // The second query may attend to nothing.
  const std::vector<bool> may{true, false, true, true, false, false, false, false, false, true, false, false};
  check_attended(attention(at.q, at.k, at.v, {.mask = tensor(may, {3, 4})}),
                 attended(at, scale, [&](auto, auto i, auto j) { return may[i * 4 + j] ? 0 : kMasked; }));
  check_attended(
      attention(at.q, at.k, at.v, {.mask = tensor(may, {3, 4}), .causal = true}),
      attended(at, scale, [&](auto, auto i, auto j) { return may[i * 4 + j] && j <= i ? 0 : kMasked; }));
  const std::vector<double> added{0.5, kMasked, -1, 2, kMasked, kMasked, kMasked, kMasked};
  check_attended(attention(at.q, at.k, at.v, {.mask = f64(added, {2, 1, 4})}),
                 attended(at, scale, [&](auto b, auto, auto j) { return added[b * 4 + j]; }));
}

TEST_CASE("derivatives of attention pass a query that may attend to nothing, in f32 and twice") {
  const Tensor q = normal(random_key(1), Shape{2, 3});
  const Tensor k = normal(random_key(2), Shape{2, 3});
  const Tensor v = normal(random_key(3), Shape{2, 3});
  const Tensor may = tensor(std::vector<bool>{false, false, true, true}, {2, 2});
  const auto f = [&](const Tensor& at) {
    return sum(square(attention(at, k, v, {.mask = may}))) + sum(square(attention(k, at, v, {.mask = may})));
  };
  for (const Tensor& derivative : {grad(f, q), hvp(f, q, ones_like(q))})
    for (const float x : derivative.to_vector<float>()) CHECK(std::isfinite(x));
  const Tensor alone = grad([&](const Tensor& at) { return sum(attention(at, k, v, {.mask = may})); }, q);
  const std::vector<float> rows = alone.to_vector<float>();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(rows[i] == 0);
    CHECK(rows[3 + i] != 0);
  }
}

TEST_CASE("a query that may attend to nothing makes no NaN on the way either") {
  const Tensor q = random_normal(Shape{2, 3}, 1);
  const double none = -std::numeric_limits<double>::infinity();
  set_nan_mode(true);
  for (const Tensor& mask :
       {tensor(std::vector<bool>{false, true}, {2, 1}), f64({none, none, 0, none}, {2, 2})}) {
    const auto f = [&](const Tensor& at) { return sum(square(attention(at, at, at, {.mask = mask}))); };
    CHECK_NOTHROW(evaluate({f(q), grad(f, q), hvp(f, q, ones_like(q))}));
  }
  set_nan_mode(false);
}

// Several blocks of queries in the fused form, none of them full, on strided operands.
struct Long {
  DType dtype = DType::f64;
  Tensor heads(std::uint64_t key, std::int64_t length, std::int64_t width) const {
    return transpose(random_normal({2, length, 3, width}, key, dtype), -2, -3);
  }
  std::vector<Tensor> operands{heads(1, 301, 5), heads(2, 277, 5), heads(3, 277, 4)};
  Tensor mask = random_normal({301, 277}, 4, dtype);

  using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
  Function form(AttentionForm of, AttentionOptions options = {}) const {
    options.form = of;
    return [=](const std::vector<Tensor>& x) { return std::vector{attention(x[0], x[1], x[2], options)}; };
  }
};

Tensor first_head(const Tensor& x) { return drop_axes(slice(slice(x, 0, 0, 1), 1, 0, 1), {0, 1}); }

TEST_CASE("fused attention and its derivatives are those of the composed form, over many queries and keys") {
  const Long at;
  std::vector<Tensor> tangents;
  for (std::size_t i = 0; i < 3; ++i)
    tangents.push_back(random_normal(concatenate(Shape{2}, at.operands[i].shape()), 10 + i));
  const Tensor u = random_normal({2, 3, 301, 4}, 20);
  const Tensor none = tensor(std::vector<bool>{true}, {1, 1});
  for (const AttentionOptions& options :
       {AttentionOptions{}, AttentionOptions{.causal = true}, AttentionOptions{.mask = at.mask, .scale = 0.4},
        AttentionOptions{.mask = at.mask > 0.5, .causal = true}, AttentionOptions{.mask = none}}) {
    const auto fused = at.form(AttentionForm::fused, options);
    const auto composed = at.form(AttentionForm::composed, options);
    const auto pushed = jvp(fused, at.operands, tangents), expected = jvp(composed, at.operands, tangents);
    CHECK(distance(pushed.values[0], expected.values[0]) < 1e-13);
    CHECK(distance(pushed.tangents[0], expected.tangents[0]) < 1e-13);
    const auto pulled = vjp(fused, at.operands, {u}), by_parts = vjp(composed, at.operands, {u});
    for (std::size_t i = 0; i < 3; ++i) CHECK(distance(pulled.cotangents[i], by_parts.cotangents[i]) < 1e-12);
  }
}

TEST_CASE("fused attention gives the same bits for any number of threads") {
  const Long at{.dtype = DType::f32};
  const auto fused = at.form(AttentionForm::fused);
  std::vector<std::vector<double>> found;
  const int before = thread_count();
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    const auto pulled = vjp(fused, at.operands, {random_normal({2, 3, 301, 4}, 20, DType::f32)});
    std::vector<double> all = values(pulled.values[0]);
    for (const Tensor& x : pulled.cotangents)
      for (const double number : values(x)) all.push_back(number);
    // A single leading place, whose cotangents of keys are summed in pieces.
    const Tensor q = first_head(at.operands[0]);
    for (const double number : values(grad(
             [&](const Tensor& x) {
               return sum(
                   square(attention(q, x, first_head(at.operands[2]), {.form = AttentionForm::fused})));
             },
             first_head(at.operands[1]))))
      all.push_back(number);
    found.push_back(all);
  }
  set_thread_count(before);
  CHECK(found[0] == found[1]);
  CHECK(found[0] == found[2]);
}

TEST_CASE("value, jvp and vjp of fused attention take no memory beyond their results") {
  const Shape shape{8, 1024, 64};
  const std::vector<Tensor> x{random_normal(shape, 1, DType::f32), random_normal(shape, 2, DType::f32),
                              random_normal(shape, 3, DType::f32)};
  const auto f = [](const std::vector<Tensor>& qkv) {
    return std::vector{attention(qkv[0], qkv[1], qkv[2])};
  };
  const auto pushed = jvp(f, x, {x[1], x[2], x[0]});
  const auto pulled = vjp(f, x, {x[1]});
  std::vector<Tensor> results{pushed.values[0], pushed.tangents[0]};
  results.insert(results.end(), pulled.cotangents.begin(), pulled.cotangents.end());
  CHECK(make_plan(results).plan->arena_bytes() == 0);
  evaluate(results);
}

TEST_CASE("transforms of any kind pass fused attention") {
  const Tensor x = random_normal({2, 5, 4}, 1);
  const Tensor weight = random_normal({4, 12}, 2);
  const auto by = [&](AttentionForm form) {
    return std::function<Tensor(const Tensor&)>([=](const Tensor& at) {
      const Tensor all = matmul(at, weight);
      return attention(slice(all, -1, 0, 4), slice(all, -1, 4, 8), slice(all, -1, 8, 12), {.form = form});
    });
  };
  const auto fused = by(AttentionForm::fused), composed = by(AttentionForm::composed);
  const Tensor traces = divergence(composed, x);
  for (const JacobianMethod method : {JacobianMethod::automatic, JacobianMethod::forward,
                                      JacobianMethod::reverse, JacobianMethod::contraction})
    CHECK(distance(divergence(fused, x, {.method = method}), traces) < 1e-12);
  CHECK(distance(sample_jacobian(fused, x), sample_jacobian(composed, x)) < 1e-12);
  CHECK(distance(laplacian(fused, x), laplacian(composed, x)) < 1e-11);
  CHECK(distance(hvp([&](const Tensor& at) { return sum(sin(fused(at))); }, x, cos(x)),
                 hvp([&](const Tensor& at) { return sum(sin(composed(at))); }, x, cos(x))) < 1e-12);
  CHECK(distance(grad([&](const Tensor& at) { return sum(divergence(fused, at)); }, x),
                 grad([&](const Tensor& at) { return sum(divergence(composed, at)); }, x)) < 1e-11);
  CHECK(distance(vmap(fused, x), composed(x)) < 1e-13);
  const auto kept = [&](const Tensor& at) { return sum(square(checkpoint(fused, at))); };
  CHECK(distance(grad(kept, x), grad([&](const Tensor& at) { return sum(square(composed(at))); }, x)) <
        1e-12);
  const auto compiled = compile(std::function<Tensor(const Tensor&)>(
      [&](const Tensor& at) { return grad([&](const Tensor& y) { return sum(square(fused(y))); }, at); }));
  CHECK(distance(compiled(x), grad(kept, x)) < 1e-13);
}

TEST_CASE("attention refuses what does not fit") {
  const auto of = [](const Shape& q, const Shape& k, const Shape& v, const AttentionOptions& options = {}) {
    return attention(zeros(q), zeros(k), zeros(v), options);
  };
  const auto refuses = [](auto make, const char* text) {
    CHECK_THROWS_WITH_AS(make(), doctest::Contains(text), Error);
  };
  refuses(
      [&] {
        return of({3, 2}, {4, 3}, {4, 2});
      },
      "attention: operands [3, 2] f32, [4, 3] f32 and [4, 2] f32: queries and keys differ");
  refuses([&] { return of({3, 2}, {4, 2}, {5, 2}); }, "there must be a value for each key");
  refuses([&] { return of({2}, {4, 2}, {4, 2}); }, "need two axes at least");
  refuses([&] { return of({3, 2}, {4, 2}, {4, 2}, {.scale = kMasked}); }, "the scale is -inf");
  refuses(
      [&] {
        const Tensor x = zeros({3, 2}, DType::c128);
        return attention(x, x, x, {.form = AttentionForm::fused});
      },
      "the fused form needs f32 or f64");
  refuses([&] { return of({2, 3, 2}, {3, 4, 2}, {4, 2}); }, "leading axes must be equal, or 1");
  refuses([&] { return of({3, 2}, {3, 4, 2}, {2, 4, 2}); }, "leading axes must be equal, or 1");
  refuses(
      [&] {
        return attention(zeros({3, 2}), zeros({4, 2}, DType::f64), zeros({4, 2}));
      },
      "need one floating type");
  refuses(
      [&] {
        return of({3, 2}, {4, 2}, {4, 2}, {.mask = zeros({2, 4})});
      },
      "the mask [2, 4] f32 does not broadcast to the scores [3, 4]");
  refuses([&] { return of({3, 2}, {4, 2}, {4, 2}, {.mask = zeros({2, 3, 4})}); }, "does not broadcast");
  refuses([&] { return of({1, 2}, {4, 2}, {4, 2}, {.mask = zeros({3, 4})}); }, "does not broadcast");
  refuses(
      [&] {
        return of({3, 2}, {4, 2}, {4, 2}, {.mask = zeros({3, 4}, DType::f64)});
      },
      "the mask [3, 4] f64 is neither bool nor of the type of the queries");
}

}  // namespace nabla::test
