// What an evaluation costs before its first kernel runs: making a plan for the graph of a training step,
// against finding it again. Times are CPU time of this thread, medians of several runs.

#include <cstdio>
#include <vector>

#include "engine/engine.h"
#include "examples/report/timing.h"
#include "flow/flow.h"
#include "nn/nn.h"

using namespace nabla;
using report::cpu_milliseconds;

namespace {

template <class F>
double median_of(int runs, F&& measure) {
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) times.push_back(measure());
  return report::median(times);
}

}  // namespace

int main() {
  const nn::Mlp net(random_key(0), {.inputs = 64, .outputs = 64, .width = 512});
  nn::Adam adam(net);
  const flow::TimedField v = [&](const Tensor& x, const Tensor& t) { return net(x, t); };
  const Tensor x1 = normal(random_key(1), {128, 64}).detach();
  const nn::LossAndGradients result = nn::value_and_grad(net, [&]() -> std::vector<Tensor> {
    const flow::Pair pair = flow::independent_coupling(random_key(2), x1);
    return {flow::cfm_loss(v, flow::linear_path(), pair, flow::stratified_times(random_key(3), 128))};
  });
  std::vector<Tensor> outputs{result.loss};
  for (const nn::Update& update : adam.updates(result.gradients, 1e-3)) outputs.push_back(update.value);

  std::size_t steps = 0;
  const auto plan_time = [&](bool forget) {
    return median_of(51, [&] {
      if (forget) clear_plan_cache();
      const double start = cpu_milliseconds();
      steps = make_plan(outputs).plan->steps().size();
      return cpu_milliseconds() - start;
    });
  };
  const double made = plan_time(true);
  const double found = plan_time(false);
  std::printf("a training step of %zu kernels: plan made in %.3f ms, found again in %.3f ms (%.2f of it)\n",
              steps, made, found, found / made);
}
