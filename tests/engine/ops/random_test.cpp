#include "engine/ops/random.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "engine/tensor/philox.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

using Words = std::array<std::uint32_t, 4>;

struct Moments {
  double mean = 0;
  double variance = 0;
  double third = 0;
  double fourth = 0;
};

Moments moments(const std::vector<double>& x) {
  Moments m;
  const double n = static_cast<double>(x.size());
  for (const double v : x) m.mean += v / n;
  for (const double v : x) {
    const double d = v - m.mean;
    m.variance += d * d / n;
    m.third += d * d * d / n;
    m.fourth += d * d * d * d / n;
  }
  return m;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const Moments x = moments(a);
  const Moments y = moments(b);
  double product = 0;
  for (std::size_t i = 0; i < a.size(); ++i) product += (a[i] - x.mean) * (b[i] - y.mean);
  return product / static_cast<double>(a.size()) / std::sqrt(x.variance * y.variance);
}

}  // namespace

TEST_CASE("Philox 4x32-10 gives the published answers") {
  CHECK(philox_4x32_10({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox_4x32_10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox_4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the same key gives the same numbers, whatever is drawn beside") {
  const Tensor key = random_key(7);
  CHECK(random_bits(key, {100}).to_vector<std::uint32_t>() ==
        random_bits(random_key(7), {10, 10}).to_vector<std::uint32_t>());
  CHECK(values(uniform(key, {1000})) == values(slice(uniform(key, {2000}), 0, 0, 1000)));
  CHECK(random_bits(key, {4}).to_vector<std::uint32_t>() !=
        random_bits(random_key(8), {4}).to_vector<std::uint32_t>());
  CHECK(values(normal(key, {5})) == values(normal(random_key(7), {5})));
}

TEST_CASE("derived keys differ from each other and from their parents") {
  const Tensor key = random_key(3);
  std::set<std::vector<std::uint32_t>> seen{key.to_vector<std::uint32_t>()};
  const Tensor keys = split(key, 1000);
  CHECK(keys.shape() == Shape{1000, 2});
  for (std::int64_t i = 0; i < 1000; ++i) seen.insert(keys[i].to_vector<std::uint32_t>());
  for (std::uint32_t i = 0; i < 1000; ++i) seen.insert(fold_in(key, i).to_vector<std::uint32_t>());
  CHECK(seen.size() == 2001);
  CHECK(split(key, 3).to_vector<std::uint32_t>() == split(key, 3).to_vector<std::uint32_t>());
  CHECK(fold_in(key, 5).to_vector<std::uint32_t>() == fold_in(key, i64({5}, {})).to_vector<std::uint32_t>());
  // The words of a split are not words that the parent hands out.
  const auto drawn = random_bits(key, {2000}).to_vector<std::uint32_t>();
  const auto words = split(key, 1000).to_vector<std::uint32_t>();
  std::vector<std::uint32_t> common;
  std::set<std::uint32_t> a(drawn.begin(), drawn.end());
  for (const std::uint32_t w : words)
    if (a.contains(w)) common.push_back(w);
  CHECK(common.size() < 3);

  const auto parent = values(uniform(key, {20000}, DType::f64));
  CHECK(std::abs(correlation(parent, values(uniform(keys[0], {20000}, DType::f64)))) < 0.03);
  CHECK(std::abs(correlation(parent, values(uniform(fold_in(key, 0), {20000}, DType::f64)))) < 0.03);
}

TEST_CASE("many keys at once give what each gives alone") {
  const Tensor keys = split(random_key(1), 3);
  const Tensor together = normal(keys, {2, 3});
  CHECK(together.shape() == Shape{3, 2, 3});
  for (std::int64_t i = 0; i < 3; ++i) CHECK(values(together[i]) == values(normal(keys[i], {2, 3})));
  const Tensor mapped = vmap([](const Tensor& key) { return uniform(key, {4}); }, keys);
  for (std::int64_t i = 0; i < 3; ++i) CHECK(values(mapped[i]) == values(uniform(keys[i], {4})));
}

TEST_CASE("uniform numbers fill [0, 1) evenly") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto x = values(uniform(random_key(11), {200000}, dtype));
    CHECK(*std::min_element(x.begin(), x.end()) >= 0);
    CHECK(*std::max_element(x.begin(), x.end()) < 1);
    const Moments m = moments(x);
    CHECK(std::abs(m.mean - 0.5) < 0.003);
    CHECK(std::abs(m.variance - 1.0 / 12) < 0.001);
    std::vector<int> bins(20);
    for (const double v : x) ++bins[v * 20];
    double chi_squared = 0;
    for (const int count : bins) chi_squared += (count - 10000.0) * (count - 10000.0) / 10000;
    CHECK(chi_squared < 45);  // 19 degrees of freedom: 1 in 1,500
    CHECK(std::abs(correlation({x.begin(), x.end() - 1}, {x.begin() + 1, x.end()})) < 0.01);
  }
}

TEST_CASE("normal numbers have the moments of a standard normal") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto x = values(normal(random_key(12), {200001}, dtype));
    const Moments m = moments(x);
    CHECK(std::abs(m.mean) < 0.01);
    CHECK(std::abs(m.variance - 1) < 0.015);
    CHECK(std::abs(m.third) < 0.03);
    CHECK(std::abs(m.fourth - 3) < 0.1);
    CHECK(std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); }));
    const std::vector<double> first(x.begin(), x.begin() + 100000);
    const std::vector<double> second(x.begin() + 100000, x.begin() + 200000);
    CHECK(std::abs(correlation(first, second)) < 0.015);
  }
  CHECK(normal(random_key(1), {}).shape() == Shape{});
}

template <class T>
concept IsNumber = requires(T number) {
  fold_in(Tensor(), number);
};
template <class T>
concept IsSeed = requires(T seed) {
  random_key(seed);
};
static_assert(IsNumber<int> && IsNumber<std::uint32_t> && IsNumber<std::int64_t> && IsNumber<Tensor>);
static_assert(!IsNumber<double> && !IsNumber<float> && IsSeed<int> && !IsSeed<double>);

TEST_CASE("fold_in takes all 64 bits of a number, and integers only") {
  const Tensor key = random_key(9);
  std::set<std::vector<std::uint32_t>> seen;
  constexpr std::int64_t kWord = std::int64_t{1} << 32, kLast = std::numeric_limits<std::int64_t>::max();
  const std::int64_t numbers[] = {5,
                                  kWord + 5,
                                  2 * kWord + 5,
                                  kLast,
                                  kLast - 1,
                                  -5,
                                  -kLast,
                                  std::int64_t{1} << 53,
                                  (std::int64_t{1} << 53) + 1};
  for (const std::int64_t number : numbers) {
    const std::vector<std::uint32_t> folded = fold_in(key, number).to_vector<std::uint32_t>();
    CHECK(seen.insert(folded).second);
    CHECK(folded == fold_in(key, i64({number}, {})).to_vector<std::uint32_t>());
  }
  // A number of 32 bits gives what it ever gave, of any type.
  CHECK(fold_in(key, 5).to_vector<std::uint32_t>() ==
        fold_in(key, tensor<std::uint8_t>({5}, {})).to_vector<std::uint32_t>());
  CHECK(
      contains(error_of([&] { fold_in(key, f64({1.7}, {})); }), "fold_in: the number [] f64 is no integer"));
}

TEST_CASE("integers are exact far from zero") {
  constexpr std::int64_t kFar = (std::int64_t{1} << 60) + 1;
  for (const std::int64_t low : {kFar, -kFar}) {
    const auto drawn = integers(random_key(4), {200}, low, low + 5).to_vector<std::int64_t>();
    CHECK(*std::ranges::min_element(drawn) == low);
    CHECK(*std::ranges::max_element(drawn) == low + 4);
  }
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  CHECK(integers(random_key(4), {1}, kLast - 1, kLast).to_vector<std::int64_t>()[0] == kLast - 1);
  CHECK(contains(error_of([] { integers(random_key(0), {1}, -kLast, kLast); }), "or more than 2^53"));
  CHECK(contains(error_of([] { integers(random_key(0), {1}, kFar, kFar); }), "integers: no integer lies in"));
}

TEST_CASE("integers stay within their range and reach both ends") {
  const auto x = integers(random_key(2), {10000}, -3, 4).to_vector<std::int64_t>();
  std::vector<int> counts(7);
  for (const std::int64_t v : x) {
    REQUIRE(v >= -3);
    REQUIRE(v < 4);
    ++counts[v + 3];
  }
  for (const int count : counts) CHECK(std::abs(count - 10000 / 7) < 180);
  CHECK(
      contains(error_of([] { integers(random_key(0), {1}, 2, 2); }), "integers: no integer lies in [2, 2)"));
}

TEST_CASE("a permutation holds every number once") {
  auto order = permutation(random_key(5), 500).to_vector<std::int64_t>();
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] == static_cast<std::int64_t>(i));
  CHECK(permutation(random_key(5), 0).size() == 0);
}

TEST_CASE("what is not a key is refused") {
  CHECK(contains(error_of([] { uniform(ones({2}), {3}); }), "is not a key"));
  CHECK(contains(error_of([] { split(tensor<std::uint32_t>({1, 2, 3}, {3}), 2); }), "is not a key"));
  CHECK(contains(error_of([] { uniform(random_key(1), {2}, DType::i32); }),
                 "uniform: i32 is not a floating type"));
}

}  // namespace nabla::test
