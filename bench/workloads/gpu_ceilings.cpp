// What a GPU does at best through the engine: the largest rate of products, and of a pointwise kernel that
// reads and writes memory far beyond the caches.

#include <algorithm>

#include "bench/workloads/workload.h"
#include "engine/backend/device.h"
#include "engine/engine.h"
#include "examples/report/timing.h"

namespace nabla::bench {
namespace {

using report::median;
using report::seconds_of;

constexpr int kRounds = 5, kCalls = 4;

// Seconds of one of several calls that wait for the device together, the median over rounds.
double gpu_seconds_of(const std::function<Tensor()>& work) {
  std::vector<double> times;
  for (int round = 0; round <= kRounds; ++round) {
    const double seconds = seconds_of([&] {
      for (int i = 0; i < kCalls; ++i) evaluate({work()});
      synchronize(current_device());
    });
    if (round > 0) times.push_back(seconds / kCalls);  // the first makes plan and kernels
  }
  return median(times);
}

}  // namespace

Ceilings measure_gpu_ceilings() {
  Ceilings best{};
  struct Extents {
    std::int64_t m, n, k;
  };
  for (const Extents& e :
       {Extents{4096, 4096, 4096}, Extents{8192, 8192, 8192}, Extents{50176, 1024, 1024}}) {
    const Tensor a = normal(random_key(1), {e.m, e.k}).detach();
    const Tensor b = normal(random_key(2), {e.k, e.n}).detach();
    const double rate =
        2e-9 * static_cast<double>(e.m * e.n * e.k) / gpu_seconds_of([&] { return matmul(a, b); });
    if (rate <= best.product_gflops) continue;
    best.product_gflops = rate;
    best.product_by = std::to_string(e.m) + "x" + std::to_string(e.k) + " by " + std::to_string(e.k) + "x" +
                      std::to_string(e.n) + ", our contraction";
  }
  constexpr std::int64_t kElements = std::int64_t{1} << 28;  // 1 GiB a side
  const Tensor from = uniform(random_key(3), {kElements}).detach();
  best.copy_gigabytes =
      2e-9 * sizeof(float) * static_cast<double>(kElements) / gpu_seconds_of([&] { return -from; });
  best.copy_by = "our pointwise kernel";
  return best;
}

}  // namespace nabla::bench
