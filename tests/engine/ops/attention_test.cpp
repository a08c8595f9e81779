#include "engine/ops/attention.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "engine/engine.h"
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
