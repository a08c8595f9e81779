// What building, differentiating and destroying a graph costs per node. Times are CPU time of this thread,
// medians of several runs, so that other work on the machine disturbs them little.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/graph/walk.h"
#include "examples/report/timing.h"

using namespace nabla;

namespace {

double cpu_seconds() { return 1e-3 * report::cpu_milliseconds(); }

template <class F>
double median_ns_per_node(int runs, F&& measure) {
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) times.push_back(measure() * 1e9);
  return report::median(times);
}

// The graph of a multi-layer perceptron, again and again on fresh variables: what a training step builds.
double build_networks(double* destroy) {
  constexpr int kNetworks = 200;
  constexpr int kLayers = 20;
  const Tensor w = ones({64, 64});
  const Tensor b = ones({64});
  std::vector<Tensor> keep;
  keep.reserve(kNetworks);
  const std::size_t before = live_node_count();
  const double start = cpu_seconds();
  for (int i = 0; i < kNetworks; ++i) {
    Tensor h = variable({32, 64}, DType::f32);
    for (int layer = 0; layer < kLayers; ++layer) h = tanh(matmul(h, w) + b);
    keep.push_back(h);
  }
  const double built = cpu_seconds();
  const double nodes = static_cast<double>(live_node_count() - before);
  keep.clear();
  *destroy = (cpu_seconds() - built) / nodes;
  return (built - start) / nodes;
}

double build_chain(std::int64_t nodes, double* destroy) {
  const Tensor x = variable({8}, DType::f64);
  const double start = cpu_seconds();
  Tensor y = x;
  for (std::int64_t i = 0; i < nodes; ++i) y = y * x;
  const double built = cpu_seconds();
  y = Tensor();
  *destroy = (cpu_seconds() - built) / static_cast<double>(nodes);
  return (built - start) / static_cast<double>(nodes);
}

// An explicit Euler solver whose every step takes a derivative: it must not walk the steps before it.
double unrolled_solver(int steps, double* walked_per_step) {
  const auto field = [](const Tensor& x) { return tanh(x) * -0.5; };
  Tensor x = variable({8}, DType::f64);
  const std::uint64_t walked = walked_node_count();
  const double start = cpu_seconds();
  for (int i = 0; i < steps; ++i) {
    const ValueAndTangent v = jvp(field, x, x);
    x = x + v.value * 1e-3 + v.tangent * 1e-6;
  }
  *walked_per_step = static_cast<double>(walked_node_count() - walked) / steps;
  return (cpu_seconds() - start) / steps;
}

}  // namespace

int main() {
  constexpr int kRuns = 7;
  double destroy = 0;
  double ns = median_ns_per_node(kRuns, [&] { return build_networks(&destroy); });
  std::printf("network graph      build %6.1f ns/node   destroy %6.1f ns/node   (target: build <= 150)\n", ns,
              destroy * 1e9);
  const bool met = ns <= 150;
  for (const std::int64_t nodes : {std::int64_t{10000}, std::int64_t{1000000}}) {
    ns = median_ns_per_node(3, [&] { return build_chain(nodes, &destroy); });
    std::printf("chain of %-9lld build %6.1f ns/node   destroy %6.1f ns/node\n",
                static_cast<long long>(nodes), ns, destroy * 1e9);
  }
  for (const int steps : {1000, 10000}) {
    double walked = 0;
    ns = median_ns_per_node(3, [&] { return unrolled_solver(steps, &walked); });
    std::printf("solver, %5d steps %8.1f ns/step   %.1f nodes walked per step\n", steps, ns, walked);
  }
  return met ? EXIT_SUCCESS : EXIT_FAILURE;
}
