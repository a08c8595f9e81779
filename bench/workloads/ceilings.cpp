// What the machine can do at best: the largest rate of f32 products, by the engine's contraction and by its
// backend's product called on each thread, and of copying memory far beyond the caches.

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstring>
#include <thread>

#include "bench/workloads/workload.h"
#include "engine/backend/cpu/product/matmul.h"
#include "engine/engine.h"
#include "examples/report/timing.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace nabla::bench {
namespace {

using report::median;
using report::seconds_of;

// Seconds of one call of `work` where every thread calls it at once, again and again. The threads look at the
// clock themselves: one that only waits for them may wake up late.
double together(int threads, int repeats, const std::function<void(int thread)>& work) {
  using Clock = std::chrono::steady_clock;
  std::barrier gate(threads);
  std::vector<Clock::time_point> starts(threads), ends(starts);
  {
    std::vector<std::jthread> team;
    for (int thread = 0; thread < threads; ++thread)
      team.emplace_back([&, thread] {
        work(thread);  // what is made once per thread
        gate.arrive_and_wait();
        starts[thread] = Clock::now();
        for (int i = 0; i < repeats; ++i) work(thread);
        ends[thread] = Clock::now();
      });
  }
  return std::chrono::duration<double>(std::ranges::max(ends) - std::ranges::min(starts)).count() / repeats;
}

struct Extents {
  std::int64_t m, n, k;
  double flops() const { return 2.0 * static_cast<double>(m * n * k); }
};

double engine_product(const Extents& e) {
  const Tensor a = normal(random_key(1), {e.m, e.k}).detach();
  const Tensor b = normal(random_key(2), {e.k, e.n}).detach();
  evaluate({matmul(a, b)});
  std::vector<double> times;
  for (int i = 0; i < 60; ++i) times.push_back(seconds_of([&] { evaluate({matmul(a, b)}); }));
  return median(times);
}

double backend_product(int threads, const Extents& e, int times_measured) {
  const Tensor a = normal(random_key(1), {e.m, e.k}).detach();
  const Tensor b = normal(random_key(2), {e.k, e.n}).detach();
  std::vector<float> c(e.m * e.n);
  const float* a_data = a.data<float>().data();
  const float* b_data = b.data<float>().data();
  const std::int64_t rows = e.m / threads;
  std::vector<double> times;
  for (int i = 0; i < times_measured; ++i)
    times.push_back(together(threads, 10, [&](int thread) {
      const cpu::MatmulShape shape{.m = rows,
                                   .n = e.n,
                                   .k = e.k,
                                   .a_row = e.k,
                                   .a_column = 1,
                                   .b_row = e.n,
                                   .b_column = 1,
                                   .c_row = e.n};
      cpu::matmul(cpu::MatmulArguments<float>{shape, a_data + thread * rows * e.k, b_data,
                                              c.data() + thread * rows * e.n});
    }));
  return median(times);
}

void copy_plain(float* to, const float* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i] * 1.5F;  // no library call may take its place
}

void copy_library(float* to, const float* from, std::size_t count) {
  std::memcpy(to, from, count * sizeof(float));
}

#ifdef __SSE2__
void copy_past_caches(float* to, const float* from, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 4) _mm_stream_ps(to + i, _mm_load_ps(from + i));
  _mm_sfence();
}
#endif

}  // namespace

double measure_speed(int threads) {
  constexpr Extents kExtents{1024, 1024, 1024};
  return kExtents.flops() / backend_product(threads, kExtents, 1) * 1e-9;
}

Ceilings measure_ceilings(int threads) {
  Ceilings best{};
  for (const Extents& e : {Extents{256, 1024, 784}, Extents{256, 1024, 1024}, Extents{1024, 1024, 1024}}) {
    const std::string shape = std::to_string(e.m) + "x" + std::to_string(e.k) + " by " + std::to_string(e.k) +
                              "x" + std::to_string(e.n);
    const auto note = [&](double seconds, const char* by) {
      const double rate = e.flops() / seconds * 1e-9;
      if (rate > best.product_gflops) best.product_gflops = rate, best.product_by = shape + ", " + by;
    };
    note(engine_product(e), "contraction");
    note(backend_product(threads, e, 9), "one product a thread");
  }

  constexpr std::size_t kElements = std::size_t{1} << 25;  // 128 MiB a side
  const Array from = Array::dense({static_cast<std::int64_t>(kElements)}, DType::f32);
  const Array to = Array::dense({static_cast<std::int64_t>(kElements)}, DType::f32);
  std::fill_n(from.data<float>(), kElements, 1.0F);
  std::fill_n(to.data<float>(), kElements, 0.0F);
  const auto measure = [&](const char* name, void (*copy)(float*, const float*, std::size_t)) {
    const std::size_t part = kElements / static_cast<std::size_t>(threads) / 16 * 16;
    std::vector<double> times;
    for (int i = 0; i < 5; ++i)
      times.push_back(together(threads, 2, [&](int thread) {
        const std::size_t start = part * static_cast<std::size_t>(thread);
        copy(to.data<float>() + start, from.data<float>() + start, part);
      }));
    const double bytes = 2.0 * sizeof(float) * static_cast<double>(part) * threads;
    const double rate = bytes / median(times) * 1e-9;
    if (rate > best.copy_gigabytes) best.copy_gigabytes = rate, best.copy_by = std::string(name) + " stores";
  };
  measure("plain", copy_plain);
  measure("memcpy", copy_library);
#ifdef __SSE2__
  measure("non-temporal", copy_past_caches);
#endif
  return best;
}

}  // namespace nabla::bench
