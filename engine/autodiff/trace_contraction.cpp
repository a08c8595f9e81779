#include "engine/autodiff/trace_contraction.h"

#include <algorithm>

#include "engine/autodiff/graded_elimination.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

MapForm form_of(const LinearMap& map) {
  const auto varies = [](const std::optional<Tensor>& d) { return d && d->shape()[0] != 1; };
  return {map.kind, map.rows, map.columns, varies(map.left), varies(map.right)};
}

// Builds the expressions.
struct BuildingAlgebra {
  using Edge = LinearMaps;
  DType dtype;
  std::optional<Tensor> total;  // [B or 1]

  LinearMaps multiply(const LinearMaps& second, const LinearMaps& first) {
    LinearMaps result;
    for (const LinearMap& s : second)
      for (const LinearMap& f : first) nabla::add(result, nabla::multiply(s, f));
    return result;
  }
  void add(LinearMaps& to, const LinearMaps& terms) {
    for (const LinearMap& term : terms) nabla::add(to, term);
  }
  void add_trace(const LinearMaps& second, const LinearMaps& first) {
    for (const LinearMap& s : second)
      for (const LinearMap& f : first) {
        const Tensor trace = trace_of_product(s, f, dtype);
        total = total ? *total + trace : trace;
      }
  }
};

// What a map is for samples start .. stop.
LinearMap for_samples(const LinearMap& map, std::int64_t start, std::int64_t stop) {
  LinearMap part = map;
  const auto cut = [&](std::optional<Tensor>& x) {
    if (x && x->shape()[0] != 1) x = slice(*x, 0, start, stop);
  };
  cut(part.left);
  cut(part.right);
  if (map.kind == MapKind::per_sample) cut(part.matrix);
  return part;
}

}  // namespace

TracePlan plan_trace(LinearGraph graph) {
  TracePlan plan{std::move(graph), {}};
  if (!plan.graph.opaque.empty()) return plan;
  EliminationGraph forms;
  forms.vertices = static_cast<int>(plan.graph.sizes.size());
  forms.samples = plan.graph.samples;
  for (const LinearGraph::Edge& edge : plan.graph.edges)
    forms.edges.push_back({edge.from, edge.to, 0, {form_of(edge.map)}});
  const std::int64_t n = plan.graph.sizes[static_cast<std::size_t>(plan.graph.argument)];
  forms.edges.push_back({plan.graph.result, plan.graph.argument, 1, {{MapKind::diagonal, n, n}}});
  plan.orders = elimination_orders(forms, plan.graph.sizes);
  return plan;
}

double forward_operations(const LinearGraph& graph) {
  const auto is_matrix = [](const LinearGraph::Edge& edge) { return edge.map.kind != MapKind::diagonal; };
  // Vertices that are still one-hot, or scaled rows of the first matrices; and those that only scale the
  // last.
  std::vector<int> behind(graph.sizes.size(), 0), before(graph.sizes.size(), 0);
  for (const LinearGraph::Edge& edge : graph.edges)
    behind[static_cast<std::size_t>(edge.to)] =
        std::max(behind[static_cast<std::size_t>(edge.to)],
                 behind[static_cast<std::size_t>(edge.from)] + is_matrix(edge));
  for (auto edge = graph.edges.rbegin(); edge != graph.edges.rend(); ++edge)
    before[static_cast<std::size_t>(edge->from)] =
        std::max(before[static_cast<std::size_t>(edge->from)],
                 before[static_cast<std::size_t>(edge->to)] + is_matrix(*edge));
  const double tangents = static_cast<double>(graph.sizes[static_cast<std::size_t>(graph.argument)]);
  double operations = 0;
  for (const LinearGraph::Edge& edge : graph.edges) {
    const double elements = static_cast<double>(edge.map.rows) * static_cast<double>(edge.map.columns);
    if (!is_matrix(edge))
      operations += tangents * static_cast<double>(edge.map.rows);
    else if (before[static_cast<std::size_t>(edge.to)] == 0)
      operations += 2 * elements;
    else if (behind[static_cast<std::size_t>(edge.from)] > 0)
      operations += 2 * tangents * elements;
  }
  return operations * static_cast<double>(graph.samples);
}

bool is_worth_contracting(const TracePlan& plan) {
  // Below this everything is calls and steps, of which forward mode has fewer.
  constexpr double kFewOperations = 1e6;
  const double forward = forward_operations(plan.graph);
  return !plan.orders.empty() && forward > kFewOperations &&
         plan.orders.front().cost.total(plan.graph.samples) < 0.8 * forward;
}

Tensor contracted_trace(const TracePlan& plan, std::int64_t bytes) {
  const LinearGraph& graph = plan.graph;
  if (!graph.opaque.empty())
    throw Error("divergence: method contraction: " + graph.opaque + " can only be applied; use forward");
  const EliminationOrder& order = plan.orders.front();
  const double sample_bytes = order.cost.elements * static_cast<double>(size_of(graph.dtype)) * 2;
  const std::int64_t chunk = std::clamp<std::int64_t>(
      static_cast<std::int64_t>(static_cast<double>(bytes) / std::max(1.0, sample_bytes)), 1,
      std::max<std::int64_t>(1, graph.samples));
  const std::int64_t n = graph.sizes[static_cast<std::size_t>(graph.argument)];
  std::vector<Tensor> parts;
  for (std::int64_t start = 0; start < graph.samples; start += chunk) {
    const std::int64_t stop = std::min(graph.samples, start + chunk);
    BuildingAlgebra algebra{graph.dtype, {}};
    GradedElimination<BuildingAlgebra> elimination;
    for (const LinearGraph::Edge& edge : graph.edges)
      elimination.add_edge(edge.from, edge.to, 0, {for_samples(edge.map, start, stop)}, algebra);
    elimination.add_edge(graph.result, graph.argument, 1, {{MapKind::diagonal, n, n, {}, {}, {}}}, algebra);
    for (const int vertex : order.vertices) elimination.eliminate(vertex, algebra);
    parts.push_back(algebra.total ? broadcast_to(*algebra.total, {stop - start})
                                  : zeros({stop - start}, graph.dtype));
  }
  if (parts.empty()) return zeros({0}, graph.dtype);
  return parts.size() == 1 ? parts[0] : concatenate(parts, 0);
}

}  // namespace nabla
