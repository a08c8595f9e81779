#include "examples/jacobian_inspect/cost.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "engine/autodiff/contraction/jacobian_contraction.h"
#include "engine/backend/device.h"
#include "engine/engine.h"
#include "engine/ops/substitute.h"
#include "examples/report/timing.h"

namespace nabla::jacobian_inspect {
namespace {

constexpr std::int64_t kProducts = 12;  // of the estimates
constexpr std::size_t kFewestCalls = 3, kMostCalls = 1000;

using Divergence = std::function<Tensor(const Tensor& x)>;

// The divergence by the order of this name among those that the plan of the field lists.
Tensor in_order(const Field& v, const Tensor& x, const std::string& name) {
  const Tensor at = variable(x.shape(), x.dtype());
  const ContractionPlan plan = plan_contraction(linear_graph(v(at), at), EliminationGoal::trace);
  const auto order = std::ranges::find(plan.orders, name, &EliminationOrder::name);
  const Tensor trace = contract_in_order(plan, *order);
  return substitute(trace, at, x);
}

// Calls a compiled form of `divergence` at x; `values` receives the results.
WayCost measure(const Divergence& divergence, const Tensor& x, double seconds, std::vector<double>& values) {
  const auto compiled = compile(divergence);
  WayCost cost;
  const auto call = [&] {
    const double start = report::now_seconds();
    const Tensor result = compiled(x);
    evaluate({result});
    synchronize(current_device());
    const double milliseconds = 1e3 * (report::now_seconds() - start);
    values = cast(result, DType::f64).to_vector<double>();
    return milliseconds;
  };
  cost.first_milliseconds = call();
  std::vector<double> times;
  const double end = report::now_seconds() + seconds;
  while (times.size() < kFewestCalls || (report::now_seconds() < end && times.size() < kMostCalls))
    times.push_back(call());
  cost.milliseconds = report::median(times);
  // The last plan is that of a call, those before it are run when parameters change.
  const std::vector<NamedPlan> plans = compiled.plans();
  for (std::size_t i = 0; i < plans.size(); ++i)
    (i + 1 == plans.size() ? cost.each : cost.once) += cost_of(*plans[i].plan).flops;
  return cost;
}

double relative_difference(const std::vector<double>& values, const std::vector<double>& exact) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    difference += (values[i] - exact[i]) * (values[i] - exact[i]);
    size += exact[i] * exact[i];
  }
  return std::sqrt(difference / size);
}

}  // namespace

DivergenceCost measure_divergence(const Subject& subject, double t, std::int64_t batch, double seconds,
                                  const Tensor& key) {
  const std::int64_t count = std::min(batch, subject.data.shape()[0]);
  const Tensor keys = split(key, 2);
  const Tensor clean = slice(subject.data, 0, 0, count);
  const Tensor noise = cast(normal(keys[0], clean.shape(), DType::f64), clean.dtype());
  const Tensor x = (t * clean + (1 - t) * noise).detach(), signs = keys[1].detach();
  const Field v = [velocity = subject.velocity, time = flow::shared_time(t, x.dtype())](const Tensor& at) {
    return velocity(at, time);
  };

  const DivergenceExplanation explanation = explain_divergence(v, x);
  DivergenceCost result;
  result.t = t;
  result.samples = count;
  result.elements = x.size() / count;
  result.chosen = explanation.ways[explanation.chosen].name;
  result.explanation = explanation.text();
  result.picture = explanation.svg();

  std::vector<double> exact;
  const auto add = [&](const std::string& name, double planned, const Divergence& divergence) {
    std::vector<double> values;
    WayCost cost = measure(divergence, x, seconds, values);
    if (exact.empty()) exact = values;
    cost.name = name;
    cost.planned = planned;
    cost.difference = relative_difference(values, exact);
    result.ways.push_back(cost);
  };
  const auto by = [&](JacobianMethod method) {
    JacobianOptions options;
    options.method = method;
    if (method > JacobianMethod::loop_cut) options.key = signs, options.products = kProducts;
    return [v, options](const Tensor& at) { return divergence(v, at, options); };
  };
  add(explanation.ways[0].name, explanation.ways[0].total, by(JacobianMethod::forward));
  for (const JacobianWay& way : explanation.ways)
    if (way.order)
      add(way.name, way.total,
          [v, name = way.order->name](const Tensor& at) { return in_order(v, at, name); });
  add(explanation.ways.back().name, explanation.ways.back().total, by(JacobianMethod::reverse));
  if (result.elements <= kProducts) return result;
  for (const auto& [name, method] : {std::pair{"Hutchinson", JacobianMethod::hutchinson},
                                     std::pair{"Hutch++", JacobianMethod::hutch_plus_plus}}) {
    add(name + (", " + std::to_string(kProducts)) + " products", 0, by(method));
    result.ways.back().is_estimate = true;
  }
  return result;
}

}  // namespace nabla::jacobian_inspect
