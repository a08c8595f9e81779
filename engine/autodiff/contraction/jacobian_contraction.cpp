#include "engine/autodiff/contraction/jacobian_contraction.h"

#include <algorithm>

#include "engine/autodiff/contraction/graded_elimination.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

MapForm form_of(const LinearMap& map) {
  const auto scale = [](const std::optional<Tensor>& d) {
    if (!d || d->shape()[0] == 1) return Scale::none;
    return d->shape()[-1] == 1 ? Scale::uniform : Scale::elements;
  };
  return {map.kind,         map.rows,
          map.columns,      scale(map.left),
          scale(map.right),
          /*rank=*/0,       map.function ? map.function->operations : 0};
}

// Builds the expressions.
struct BuildingAlgebra {
  using Edge = LinearMaps;
  DType dtype;
  EliminationGoal goal;
  std::optional<Tensor> total = {};  // [B or 1] or [B or 1, n]

  LinearMaps multiply(const LinearMaps& second, const LinearMaps& first) {
    return nabla::multiply(second, first, dtype);
  }
  void add(LinearMaps& to, const LinearMaps& terms) {
    for (const LinearMap& term : terms) nabla::add(to, term, dtype);
  }
  void close(const LinearMaps& second, const LinearMaps& first) {
    for (const LinearMap& s : second)
      for (const LinearMap& f : first) {
        const Tensor part =
            goal == EliminationGoal::trace ? trace_of_product(s, f, dtype) : diagonal_of_product(s, f, dtype);
        total = total ? *total + part : part;
      }
  }
  void close(const LinearMaps& only) {
    close(only, {{MapKind::diagonal, only.front().columns, only.front().columns, {}, {}, {}}});
  }
};

}  // namespace

EliminationGraph elimination_graph(const ContractionPlan& plan) {
  EliminationGraph forms{plan.graph.sizes,  {},        plan.graph.argument,
                         plan.graph.result, plan.goal, plan.graph.samples};
  for (const LinearGraph::Edge& edge : plan.graph.edges)
    forms.edges.push_back({edge.from, edge.to, {form_of(edge.map)}});
  return forms;
}

ContractionPlan plan_contraction(LinearGraph graph, EliminationGoal goal) {
  ContractionPlan plan{std::move(graph), goal, {}};
  plan.orders = elimination_orders(elimination_graph(plan));
  return plan;
}

bool takes_all_samples(const LinearGraph& graph) {
  return std::ranges::any_of(graph.edges,
                             [](const LinearGraph::Edge& edge) { return edge.map.kind == MapKind::applied; });
}

Tensor contract_in_order(const ContractionPlan& plan, const EliminationOrder& order) {
  return contract_in_order(plan, order, plan.graph.samples, plan.graph.samples);
}

Tensor contract_in_order(const ContractionPlan& plan, const EliminationOrder& order, std::int64_t at_once,
                         std::int64_t count) {
  const LinearGraph& graph = plan.graph;
  const auto size_at = [&](int vertex) { return graph.sizes[vertex]; };
  if (takes_all_samples(graph)) at_once = count = graph.samples;
  const std::int64_t chunk = std::max<std::int64_t>(1, at_once);
  Shape result;
  if (plan.goal == EliminationGoal::diagonal) result = {size_at(graph.argument)};
  if (plan.goal == EliminationGoal::whole) result = {size_at(graph.result), size_at(graph.argument)};
  std::vector<Tensor> parts;
  for (std::int64_t start = 0; start < count; start += chunk) {
    const std::int64_t stop = std::min(count, start + chunk);
    BuildingAlgebra algebra{graph.dtype, plan.goal};
    GradedElimination<BuildingAlgebra> elimination(graph.argument, graph.result,
                                                   plan.goal != EliminationGoal::whole);
    for (const LinearGraph::Edge& edge : graph.edges)
      elimination.add_edge(edge.from, edge.to, {for_samples(edge.map, start, stop)}, algebra);
    for (const int vertex : order.vertices) elimination.eliminate(vertex, algebra);
    std::optional<Tensor> found = algebra.total;
    if (plan.goal == EliminationGoal::whole)
      elimination.for_each_edge(
          [&](int, int, int, const LinearMaps& maps) { found = formed(maps, graph.dtype); });
    const Shape shape = concatenate(Shape{stop - start}, result);
    parts.push_back(found ? broadcast_to(*found, shape) : zeros(shape, graph.dtype));
  }
  if (parts.empty()) return zeros(concatenate(Shape{0}, result), graph.dtype);
  return parts.size() == 1 ? parts[0] : concatenate(parts, 0);
}

}  // namespace nabla
