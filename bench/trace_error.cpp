// What rounding makes of D + (1-t) div v, the trace that the posterior covariance is proportional to, in
// every way that the divergence can be computed: f32 against f64, for networks inside of a preconditioned
// field, where the two terms cancel in part. Prints a table for docs/performance.md; nothing in it is timed.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "engine/autodiff/contraction/jacobian_contraction.h"
#include "engine/engine.h"
#include "engine/ops/substitute.h"
#include "flow/flow.h"

using namespace nabla;

namespace {

constexpr std::int64_t kElements = 784, kWidth = 256, kSamples = 16;
constexpr double kTimes[] = {0.1, 0.3, 0.5, 0.9};

struct Layer {
  Tensor weight, bias;
};
using Layers = std::vector<Layer>;
using Network = Tensor (*)(const Layers& layers, const Tensor& z);

Tensor apply(const Layer& layer, const Tensor& h) { return matmul(h, layer.weight) + layer.bias; }

Tensor mlp(const Layers& layers, const Tensor& z) {
  Tensor h = z;
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) h = silu(apply(layers[i], h));
  return apply(layers.back(), h);
}

Tensor residual_stack(const Layers& layers, const Tensor& z) {
  Tensor h = z;
  for (std::size_t i = 0; i < layers.size(); i += 2) h = h + apply(layers[i + 1], silu(apply(layers[i], h)));
  return h;
}

// Weights of unit gain and small biases, f32.
Layers random_layers(const std::vector<std::int64_t>& extents) {
  Layers layers;
  for (std::size_t i = 0; i + 1 < extents.size(); ++i) {
    const Tensor key = fold_in(random_key(1), static_cast<std::uint32_t>(i));
    const double gain = 1 / std::sqrt(static_cast<double>(extents[i]));
    layers.push_back({(gain * normal(key, {extents[i], extents[i + 1]})).detach(),
                      (0.1 * normal(fold_in(key, 99), {extents[i + 1]})).detach()});
  }
  return layers;
}

// The same numbers in another type.
Tensor as(const Tensor& x, DType dtype) { return cast(x, dtype).detach(); }

Layers as(const Layers& layers, DType dtype) {
  Layers result;
  for (const Layer& layer : layers) result.push_back({as(layer.weight, dtype), as(layer.bias, dtype)});
  return result;
}

// One field at one time, in one type.
struct Problem {
  Field field;
  Tensor x;
  double t;
};

Problem problem(Network network, const Layers& layers, double time, DType dtype) {
  const double t = static_cast<float>(time);  // the same time in both types
  // Variances between 0.003 and 0.3, as those of pixels are.
  const Tensor variance = exp(-1.2 - 4.6 * uniform(random_key(2), {kElements}));
  const Tensor mean = 0.3 * normal(random_key(3), {kElements});
  const Tensor data = mean + sqrt(variance) * normal(random_key(4), {kSamples, kElements});
  const Tensor x = t * data + (1 - t) * normal(random_key(5), {kSamples, kElements});
  const flow::PreconditionedField field(
      as(mean, dtype), as(variance, dtype),
      [network, layers = as(layers, dtype)](const Tensor& z, const Tensor&, const Tensor&) {
        return network(layers, z);
      });
  return {[=](const Tensor& at) { return field.velocity(at, flow::shared_time(t, dtype)); }, as(x, dtype), t};
}

std::vector<double> spread(const Problem& problem, const Tensor& divergence) {
  const double elements = static_cast<double>(kElements);
  const Tensor trace = elements + (1 - problem.t) * divergence;
  return cast(trace, DType::f64).to_vector<double>();
}

std::vector<double> by_tangents(const Problem& problem) {
  return spread(problem, divergence(problem.field, problem.x, {.method = JacobianMethod::forward}));
}

ContractionPlan plan_of(const Problem& problem, const Tensor& at) {
  return plan_contraction(linear_graph(problem.field(at), at), EliminationGoal::trace);
}

std::vector<double> by_order(const Problem& problem, const std::string& name) {
  const Tensor at = variable(problem.x.shape(), problem.x.dtype());
  const ContractionPlan plan = plan_of(problem, at);
  const auto order = std::ranges::find(plan.orders, name, &EliminationOrder::name);
  const Tensor trace = contract_in_order(plan, *order);
  return spread(problem, substitute(trace, at, problem.x));
}

double relative_error(const std::vector<double>& values, const std::vector<double>& exact) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    error += (values[i] - exact[i]) * (values[i] - exact[i]);
    size += exact[i] * exact[i];
  }
  return std::sqrt(error / size);
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

void print_row(const std::string& name, const std::vector<double>& values, const char* format) {
  std::printf("| %s |", name.c_str());
  for (const double value : values) std::printf(format, value);
  std::printf("\n");
}

void compare(const char* title, Network network, const Layers& layers) {
  std::printf("| %s |", title);
  for (const double t : kTimes) std::printf(" t = %.1f |", t);
  std::printf("\n|---|---|---|---|---|\n");

  std::vector<std::vector<double>> exact;
  std::vector<double> means, distances, tangents;
  for (const double t : kTimes) {
    const Problem wide = problem(network, layers, t, DType::f64);
    exact.push_back(by_tangents(wide));
    means.push_back(mean_of(exact.back()));
    distances.push_back(relative_error(by_order(wide, "searched"), exact.back()));
    tangents.push_back(relative_error(by_tangents(problem(network, layers, t, DType::f32)), exact.back()));
  }
  print_row("D + (1-t) div v, mean of the samples", means, " %.4g |");
  print_row("f64: contracted, searched, against 784 tangents", distances, " %.1e |");
  print_row("f32: 784 tangents", tangents, " %.1e |");

  const Problem first = problem(network, layers, kTimes[0], DType::f32);
  const Tensor at = variable(first.x.shape(), DType::f32);
  for (const EliminationOrder& order : plan_of(first, at).orders) {
    std::vector<double> errors;
    for (std::size_t i = 0; i < exact.size(); ++i)
      errors.push_back(
          relative_error(by_order(problem(network, layers, kTimes[i], DType::f32), order.name), exact[i]));
    char name[80];
    std::snprintf(name, sizeof name, "f32: contracted, %s (%.3g GFLOP)", order.name.c_str(),
                  order.cost.total(kSamples) / 1e9);
    print_row(name, errors, " %.1e |");
  }
  std::printf("\n");
}

}  // namespace

int main() {
  compare("784-256-256-784", mlp, random_layers({kElements, kWidth, kWidth, kElements}));
  compare(
      "four residual blocks of 256", residual_stack,
      random_layers({kElements, kWidth, kElements, kWidth, kElements, kWidth, kElements, kWidth, kElements}));
}
