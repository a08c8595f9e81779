// What a chain of checkpointed blocks costs: the gradient of Runge-Kutta steps of one MLP by its weights and
// by the start, without checkpoints, with one for each step, and with one more for each group of steps. Peak
// bytes beyond what lives before, and seconds of building the graph, of the first evaluation and of later
// ones.

#include <cmath>
#include <cstdio>
#include <vector>

#include "engine/engine.h"
#include "examples/report/timing.h"
#include "nn/nn.h"

using namespace nabla;
using report::seconds_of;

namespace {

enum class Checkpoints { none, steps, groups };

Tensor solved(const nn::Mlp& net, const Tensor& x, int steps, Checkpoints checkpoints) {
  const double h = 1.0 / steps;
  const auto step = [&](const Tensor& at, double t) {
    const auto v = [&](const Tensor& y, double time) { return net(y, full({1, 1}, time)); };
    const Tensor k1 = v(at, t);
    const Tensor k2 = v(at + k1 * (h / 2), t + h / 2);
    const Tensor k3 = v(at + k2 * (h / 2), t + h / 2);
    const Tensor k4 = v(at + k3 * h, t + h);
    return at + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (h / 6);
  };
  const auto run = [&](const Tensor& start, int first, int count) {
    Tensor at = start;
    for (int i = first; i < first + count; ++i) {
      const auto f = [&](const Tensor& y) { return step(y, i * h); };
      at = checkpoints == Checkpoints::none ? f(at) : checkpoint(f, at);
    }
    return at;
  };
  if (checkpoints != Checkpoints::groups) return run(x, 0, steps);
  const int group = static_cast<int>(std::lround(std::sqrt(steps)));
  Tensor at = x;
  for (int first = 0; first < steps; first += group)
    at = checkpoint([&](const Tensor& y) { return run(y, first, std::min(group, steps - first)); }, at);
  return at;
}

}  // namespace

int main() {
  const nn::Mlp net(random_key(0), {.inputs = 64, .outputs = 64, .width = 256, .output_gain = 1});
  const Tensor x = normal(random_key(1), {256, 64}).detach();
  std::printf(
      "| steps | checkpoints | nodes | graph s | first s | later s | peak MB "
      "|\n|---|---|---|---|---|---|---|\n");
  for (const int steps : {10, 40, 160})
    for (const auto& [checkpoints, name] : {std::pair{Checkpoints::none, "none"},
                                            {Checkpoints::steps, "each step"},
                                            {Checkpoints::groups, "steps and groups"}}) {
      std::vector<Tensor> xs = net.leaves();
      xs.push_back(x);
      const std::size_t before = live_node_count();
      std::vector<Tensor> found;
      const double building =
          seconds_of([&] { found = gradients(sum(square(solved(net, x, steps, checkpoints))), xs); });
      const std::size_t nodes = live_node_count() - before;
      const std::size_t live = memory_statistics().live_bytes;
      reset_peak_memory();
      const double first = seconds_of([&] { evaluate(found); });
      const double peak = static_cast<double>(memory_statistics().peak_bytes - live);
      found.clear();
      found = gradients(sum(square(solved(net, x, steps, checkpoints))), xs);
      const double later = seconds_of([&] { evaluate(found); });
      std::printf("| %d | %s | %zu | %.3f | %.2f | %.2f | %.1f |\n", steps, name, nodes, building, first,
                  later, peak / 1e6);
    }
}
