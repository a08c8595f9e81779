#include "examples/digits/measure_trace.h"

#include "engine/backend/device.h"
#include "engine/engine.h"
#include "examples/report/timing.h"
#include "nn/nn.h"

namespace nabla::digits {
namespace {

constexpr int kRuns = 7;

double seconds_of(const Compiled<std::function<Tensor(const Tensor&)>>& f, const Tensor& x) {
  return report::seconds_of([&] {
    evaluate({f(x)});
    synchronize(current_device());
  });
}

}  // namespace

TraceCost measure_trace_cost(const flow::TimedField& v, const Tensor& x, double t) {
  const Tensor time = flow::shared_time(t, x.dtype());
  const Field field = [&](const Tensor& at) { return v(at, time); };
  const DivergenceExplanation explanation = explain_divergence(field, x);
  TraceCost cost;
  cost.samples = x.shape()[0];
  for (std::size_t i = 0; i < explanation.ways.size(); ++i) {
    const JacobianWay& way = explanation.ways[i];
    cost.ways.push_back({way.name, way.total, way.bytes, i == explanation.chosen});
  }
  cost.reason = explanation.reason;
  cost.picture = explanation.svg();
  cost.saving = explanation.saving();

  const auto compiled = [&](JacobianMethod method) {
    return compile(std::function<Tensor(const Tensor&)>(
        [&field, method](const Tensor& at) { return divergence(field, at, {.method = method}); }));
  };
  const auto tangents = compiled(JacobianMethod::forward), chosen = compiled(JacobianMethod::automatic);
  const double size = static_cast<double>(x.shape()[1]);
  const Tensor expected = tangents(x) * (1 - t) + size;
  cost.difference =
      (reduce_max(abs(chosen(x) * (1 - t) + size - expected)) / reduce_max(abs(expected))).item();
  std::vector<double> tangent_seconds, chosen_seconds;
  for (int run = 0; run < kRuns; ++run) {
    tangent_seconds.push_back(seconds_of(tangents, x));
    chosen_seconds.push_back(seconds_of(chosen, x));
  }
  cost.tangent_seconds = report::median(tangent_seconds);
  cost.chosen_seconds = report::median(chosen_seconds);
  return cost;
}

std::vector<PlannedSaving> planned_savings(std::int64_t width, std::int64_t samples) {
  std::vector<PlannedSaving> savings;
  for (const std::int64_t pixels : {64, 784})
    for (const std::int64_t layers : {1, 2, 3}) {
      const nn::Mlp network(random_key(0),
                            {.inputs = pixels, .outputs = pixels, .width = width, .hidden_layers = layers});
      const Tensor t = flow::shared_time(0.5, DType::f32);
      const DivergenceExplanation explanation =
          explain_divergence([&](const Tensor& x) { return network(x, t); }, zeros({samples, pixels}));
      savings.push_back({pixels, layers, width, explanation.ways.front().total,
                         explanation.ways[explanation.chosen].total});
    }
  return savings;
}

}  // namespace nabla::digits
