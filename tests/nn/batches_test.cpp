#include "nn/batches.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "engine/engine.h"

namespace nabla::nn {
namespace {

std::vector<std::int64_t> samples_of(Batches& batches, std::int64_t step) {
  return batches.at(step)[0].to_vector<std::int64_t>();
}

}  // namespace

TEST_CASE("an epoch has every sample once, in an order of its own") {
  for (const std::int64_t prefetch : {0, 2}) {
    Batches batches({iota(10), iota(10) * 2}, random_key(1), {.size = 5, .prefetch = prefetch});
    CHECK(batches.per_epoch() == 2);
    std::set<std::vector<std::int64_t>> orders;
    for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
      std::vector<std::int64_t> seen;
      for (std::int64_t number = 0; number < 2; ++number) {
        const std::vector<Tensor> parts = batches.at(2 * epoch + number);
        REQUIRE(parts.size() == 2);
        CHECK(parts[1].to_vector<std::int64_t>() == (parts[0] * 2).to_vector<std::int64_t>());
        for (const std::int64_t sample : parts[0].to_vector<std::int64_t>()) seen.push_back(sample);
      }
      orders.insert(seen);
      std::ranges::sort(seen);
      CHECK(seen == iota(10).to_vector<std::int64_t>());
    }
    CHECK(orders.size() == 4);
  }
}

TEST_CASE("a batch depends on key and step alone, made ahead or not, from wherever one goes on") {
  Batches ahead({iota(20)}, random_key(1), {.size = 4, .prefetch = 3});
  Batches plain({iota(20)}, random_key(1), {.size = 4, .prefetch = 0});
  Batches other({iota(20)}, random_key(2), {.size = 4});
  for (const std::int64_t step : {0, 1, 2, 3, 11, 12, 4, 4, 7, 8, 0})
    CHECK(samples_of(ahead, step) == samples_of(plain, step));
  CHECK(samples_of(other, 0) != samples_of(plain, 0));
}

TEST_CASE("samples that fill no batch are a smaller one or left out") {
  Batches dropped({iota(10)}, random_key(1), {.size = 4, .shuffle = false});
  CHECK(dropped.per_epoch() == 2);
  CHECK(samples_of(dropped, 1) == std::vector<std::int64_t>{4, 5, 6, 7});
  CHECK(samples_of(dropped, 2) == std::vector<std::int64_t>{0, 1, 2, 3});
  Batches kept({iota(10)}, random_key(1), {.size = 4, .shuffle = false, .keep_last = true});
  CHECK(kept.per_epoch() == 3);
  CHECK(samples_of(kept, 2) == std::vector<std::int64_t>{8, 9});
  CHECK(samples_of(kept, 3) == std::vector<std::int64_t>{0, 1, 2, 3});
  Batches exact({iota(8)}, random_key(1), {.size = 4, .keep_last = true});
  CHECK(exact.per_epoch() == 2);
}

TEST_CASE("batches are transformed on a thread of their own, ahead of who asks for them") {
  std::atomic<int> made = 0;
  std::atomic<bool> elsewhere = false;
  const std::thread::id here = std::this_thread::get_id();
  const auto noisy = [&](const std::vector<Tensor>& parts, const Tensor& key) -> std::vector<Tensor> {
    ++made;
    if (std::this_thread::get_id() != here) elsewhere = true;
    return {parts[0] + normal(key, parts[0].shape())};
  };
  const Tensor data = zeros(Shape{12, 2});
  Batches ahead({data}, random_key(1), {.size = 3, .prefetch = 2, .transform = noisy});
  CHECK(made == 0);  // nobody has said where to begin
  const std::vector<float> first = ahead.at(5)[0].to_vector<float>();
  while (made < 3) std::this_thread::yield();
  CHECK(elsewhere);
  Batches plain({data}, random_key(1), {.size = 3, .prefetch = 0, .transform = noisy});
  CHECK(plain.at(5)[0].to_vector<float>() == first);
  CHECK(plain.at(6)[0].to_vector<float>() != first);
}

TEST_CASE("what fails when a batch is made is told to whoever asks for that batch") {
  const auto failing = [](const std::vector<Tensor>& parts, const Tensor&) {
    if (parts[0].to_vector<std::int64_t>()[0] == 4) throw Error("no sample 4");
    return parts;
  };
  Batches batches({iota(8)}, random_key(1), {.size = 2, .shuffle = false, .transform = failing});
  CHECK(samples_of(batches, 0) == std::vector<std::int64_t>{0, 1});
  CHECK(samples_of(batches, 1) == std::vector<std::int64_t>{2, 3});
  CHECK_THROWS_WITH_AS(batches.at(2), "no sample 4", Error);
  CHECK(samples_of(batches, 3) == std::vector<std::int64_t>{6, 7});
  CHECK_THROWS_WITH_AS(batches.at(2), "no sample 4", Error);
}

TEST_CASE("batches refuse what makes no sense") {
  CHECK_THROWS_WITH_AS(Batches({iota(4), iota(5)}, random_key(1), {.size = 2}),
                       "batches: the data [5] have not as many samples as [4] on the outermost axis", Error);
  CHECK_THROWS_WITH_AS(Batches({zeros({})}, random_key(1), {.size = 2}), doctest::Contains("the data []"),
                       Error);
  CHECK_THROWS_WITH_AS(Batches({}, random_key(1)), doctest::Contains("batches: 0 tensors in batches of 64"),
                       Error);
  CHECK_THROWS_WITH_AS(Batches({iota(4)}, random_key(1), {.size = 0}), doctest::Contains("in batches of 0"),
                       Error);
  CHECK_THROWS_WITH_AS(Batches({iota(4)}, random_key(1), {.size = 1, .prefetch = -1}),
                       doctest::Contains("-1 ahead"), Error);
  CHECK_THROWS_WITH_AS(Batches({iota(4)}, random_key(1), {.size = 5}),
                       "batches: 4 samples fill no batch of 5", Error);
  Batches batches({iota(4)}, random_key(1), {.size = 2});
  CHECK_THROWS_WITH_AS(batches.at(-1), "batches: step -1", Error);
  const auto inside = compile([&](const Tensor& x) { return x + batches.at(0)[0]; });
  CHECK_THROWS_WITH_AS(inside(iota(2)), doctest::Contains("batches: inside compile a batch would stay"),
                       Error);
}

}  // namespace nabla::nn
