#include "engine/backend/threads.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif

#include "engine/backend/cpu/threads/thread_pool.h"
#include "tests/engine/numbers.h"

namespace nabla::test {
namespace {

// Large enough that the work is split, with extents that no block divides.
std::vector<std::vector<float>> float_results() {
  const Tensor key = random_key(1);
  const Tensor a = normal(key, {301, 517}).detach();
  const Tensor b = normal(fold_in(key, 1), {517, 203}).detach();
  const Tensor x = normal(fold_in(key, 2), {70001}).detach();
  const Tensor batch = normal(fold_in(key, 3), {37, 41, 53}).detach();
  const Tensor wide = normal(fold_in(key, 8), {523, 131}).detach();
  const std::vector<Tensor> all_results{
      matmul(a, b),
      matmul(batch, transpose(batch)),
      matmul(wide, transpose(wide)),
      matmul(transpose(wide), wide),
      einsum("i,i->", x, x),
      einsum("ki,ki->i", a, a),
      sum(x),
      sum(a, {0}),
      sum(a, {1}),
      softmax(a, 0),
      softmax(a, 1),
      logsumexp(batch, {0, 2}),
      cumsum(a, 0),
      nabla::tanh(x) * nabla::exp(-square(x)) + nabla::erf(x),
      uniform(fold_in(key, 4), {100001}),
      normal(fold_in(key, 5), {50001}),
      sum(gather(transpose(a), integers(fold_in(key, 6), {300, 301}, 0, 517), 0)),
      scatter_add(a, integers(fold_in(key, 7), {301, 517}, 0, 9), 1, 9),
      scatter_add(a, integers(fold_in(key, 9), {301, 517}, 0, 400), 0, 400),
      scatter_add(a, integers(fold_in(key, 10), {301, 1}, 0, 50), 0, 50),
      scatter_add(x, integers(fold_in(key, 11), {70001}, 0, 300000), 0, 300000),
      gather(a, integers(fold_in(key, 12), {280, 517}, 0, 301), 0),
      top_k(x, 7).values,
      logsumexp(a, {0}),
      reduce_max(a, {0}),
      cast(matmul(cast(a, DType::f64), cast(b, DType::f64)), DType::f32),
      grad([&](const Tensor& w) { return sum(nabla::tanh(matmul(a, w))); }, b),
  };
  evaluate(all_results);
  std::vector<std::vector<float>> copies;
  for (const Tensor& result : all_results) copies.push_back(result.to_vector<float>());
  return copies;
}

bool same_float_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("results have the same bits for any number of threads") {
  const int before = thread_count();
  set_thread_count(1);
  const auto expected = float_results();
  for (const int threads : {1, 2, 3, 5}) {
    set_thread_count(threads);
    CHECK(thread_count() == threads);
    const auto got = float_results();
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO("threads ", threads, ", result ", i);
      CHECK(same_float_bits(got[i], expected[i]));
    }
  }
  set_thread_count(before);
}

TEST_CASE("a program without threads is refused, and one with more than a machine has") {
  const int before = thread_count();
  CHECK(
      contains(error_of([] { set_thread_count(0); }), "set_thread_count: 0 threads; 1 to 1024 are possible"));
  CHECK(contains(error_of([] { set_thread_count(20000); }), "20000 threads; 1 to 1024 are possible"));
  CHECK(thread_count() == before);
}

TEST_CASE("several threads build, differentiate and evaluate at once") {
  const Tensor shared = counting({50, 40}, 0.01).detach();
  const auto work = [&](int seed) {
    double total = 0;
    for (int i = 0; i < 40; ++i) {
      // Half of what is built is the same expression in all threads.
      const Tensor common = nabla::sin(shared * 0.5);
      const Tensor own = nabla::tanh(common * (seed + 1.0) + i);
      const Tensor slope = grad([&](const Tensor& v) { return sum(nabla::exp(-square(v)) * own); }, common);
      total += sum(slope).item() + own[0][i].item();
    }
    return total;
  };
  std::vector<double> expected;
  for (int seed = 0; seed < 4; ++seed) expected.push_back(work(seed));
  std::vector<double> got(4);
  std::vector<std::thread> threads;
  for (int seed = 0; seed < 4; ++seed) threads.emplace_back([&, seed] { got[seed] = work(seed); });
  for (std::thread& thread : threads) thread.join();
  CHECK(got == expected);
}

TEST_CASE("a small evaluation does not wait for a large one of another thread") {
  const Tensor large = normal(random_key(3), {3'000'000}).detach();
  const Tensor small = counting({10}).detach();
  CHECK(sum(small * 2).item() == 90);
  std::atomic<bool> done = false;
  std::atomic<bool> begun = false;
  std::thread other([&] {
    const Tensor order = argsort(large);
    begun = true;
    evaluate({order});
    done = true;
  });
  while (!begun) std::this_thread::yield();
  int beside = 0;
  for (int i = 0; !done; ++i, ++beside) CHECK(sum(small * i).item() == 45 * i);
  other.join();
  CHECK(beside > 10);
}

TEST_CASE("what several threads ask for at once is computed once") {
  const Tensor x = normal(random_key(4), {300'000}).detach();
  for (int round = 0; round < 5; ++round) {
    const Tensor order = argsort(x * (round + 1.0));
    const Tensor wanted = order + 0;
    clear_plan_cache();
    reset_peak_memory();
    const std::size_t before = memory_statistics().live_bytes;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back([&] { evaluate({wanted}); });
    for (std::thread& thread : threads) thread.join();
    // x * round in f32, order and wanted in i64.
    CHECK(memory_statistics().peak_bytes - before <= 300'000 * (4 + 8 + 8) + 10'000);
  }
}

TEST_CASE("calls of a compiled function beside each other read cells of one version each") {
  constexpr int kSize = 1000;
  Cell cell(full({kSize}, 1, DType::f64));
  // The sum belongs to the prologue, which runs again for each version.
  const auto f = compile([&](const Tensor& x) {
    const Tensor w = cell.get();
    return stack({sum(w * w) + x * 0, w[0] * x}, -1);
  });
  f(ones({}, DType::f64));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int version = 2; !stop; ++version) cell.assign(full({kSize}, version % 100 + 1, DType::f64));
  });
  std::vector<std::thread> readers;
  std::atomic<int> wrong = 0;
  for (int t = 1; t <= 3; ++t)
    readers.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const std::vector<double> both = f(full({}, t, DType::f64)).to_vector<double>();
        const double w = both[1] / t;
        if (both[0] != kSize * w * w) ++wrong;
      }
    });
  for (std::thread& reader : readers) reader.join();
  stop = true;
  writer.join();
  CHECK(wrong == 0);
}

#ifdef __linux__
TEST_CASE("a worker that has lost its core does not keep the caller waiting") {
  const int before = thread_count();
  set_thread_count(2);
  // In a task of the worker a thread that nothing interrupts takes its core, for half a second.
  const std::thread::id caller = std::this_thread::get_id();
  std::thread rival;
  std::atomic<bool> may_interrupt = true;
  for (int round = 0; round < 20 && !rival.joinable(); ++round) {
    const auto start = std::chrono::steady_clock::now();
    cpu::parallel_for(2, [&](std::int64_t) {
      if (std::this_thread::get_id() == caller) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the other task is the worker's
        return;
      }
      cpu_set_t here;
      CPU_ZERO(&here);
      CPU_SET(static_cast<std::size_t>(sched_getcpu()), &here);
      std::atomic<bool> runs = false;
      rival = std::thread([&may_interrupt, &runs, here] {
        const sched_param highest{sched_get_priority_max(SCHED_FIFO)};
        pthread_setaffinity_np(pthread_self(), sizeof here, &here);
        if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &highest) != 0) may_interrupt = false;
        runs = true;
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
        while (may_interrupt && std::chrono::steady_clock::now() < end) {
        }
      });
      while (!runs) std::this_thread::yield();
    });
    if (!rival.joinable() || !may_interrupt) continue;
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds(250));
  }
  if (rival.joinable()) rival.join();
  set_thread_count(before);
}
#endif

TEST_CASE("an error in a task reaches the caller") {
  const Tensor x = ones({100000, 2}).detach();
  const Tensor indices = (iota(100000) * 1).detach();
  CHECK(contains(error_of([&] { values(take(x, indices + 1)); }), "gather: index 100000"));
  CHECK(values(sum(take(x, indices)))[0] == 200000);
}

TEST_CASE("work that a task starts in turn runs to its end") {
  const int before = thread_count();
  for (const int threads : {1, 2, 4}) {
    INFO("threads ", threads);
    set_thread_count(threads);
    for (int round = 0; round < 50; ++round) {
      std::vector<std::int64_t> sums(20, 0);
      cpu::parallel_for(20, [&](std::int64_t outer) {
        std::vector<std::int64_t> parts(30, 0);
        cpu::parallel_for(30, [&](std::int64_t inner) {
          cpu::parallel_for(2, [&](std::int64_t half) { parts[inner] += outer * inner + half; });
        });
        for (const std::int64_t part : parts) sums[outer] += part;
      });
      for (std::int64_t outer = 0; outer < 20; ++outer) REQUIRE(sums[outer] == 2 * outer * 435 + 30);
    }
    CHECK(contains(error_of([] {
                     cpu::parallel_for(4, [](std::int64_t) {
                       cpu::parallel_for(4, [](std::int64_t i) {
                         if (i == 3) throw Error("the inner one");
                       });
                     });
                   }),
                   "the inner one"));
  }
  set_thread_count(before);
}

TEST_CASE("every task runs once, whether the workers look out for it or sleep") {
  const int before = thread_count();
  for (const int threads : {2, 4}) {
    set_thread_count(threads);
    for (int round = 0; round < 300; ++round) {
      // Workers sleep after less than the longest of these pauses, and are about to after others.
      if (round % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(10 * (round % 100)));
      const std::int64_t tasks = 1 + round % 7;
      std::vector<std::atomic<int>> runs(tasks);
      cpu::parallel_for(tasks, [&](std::int64_t task) { ++runs[task]; });
      for (const std::atomic<int>& count : runs) REQUIRE(count == 1);
    }
  }
  set_thread_count(before);
}

TEST_CASE("a task may not change the number of threads") {
  const int before = thread_count();
  set_thread_count(3);
  const auto change_within = [] { cpu::parallel_for(8, [](std::int64_t) { set_thread_count(2); }); };
  CHECK(contains(error_of(change_within), "set_thread_count: called from within a task"));
  CHECK(thread_count() == 3);
  CHECK(values(sum(ones({100000}).detach()))[0] == 100000);  // and the pool goes on
  set_thread_count(before);
}

}  // namespace nabla::test
