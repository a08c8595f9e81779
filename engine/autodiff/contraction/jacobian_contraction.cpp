#include "engine/autodiff/contraction/jacobian_contraction.h"

#include <algorithm>

#include "engine/autodiff/contraction/elimination_algebra.h"
#include "engine/autodiff/contraction/graded_elimination.h"
#include "engine/autodiff/contraction/tensor_values.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {
using BuildingAlgebra = EliminationAlgebra<TensorValues>;
}

EliminationGraph elimination_graph(const ContractionPlan& plan) {
  EliminationGraph forms{plan.graph.sizes,  {},        plan.graph.argument,
                         plan.graph.result, plan.goal, plan.graph.samples};
  for (const LinearGraph::Edge& edge : plan.graph.edges)
    forms.edges.push_back({edge.from, edge.to, {counted(edge.map)}});
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
    BuildingAlgebra algebra({graph.dtype}, plan.goal);
    GradedElimination<BuildingAlgebra> elimination(graph.argument, graph.result,
                                                   plan.goal != EliminationGoal::whole);
    for (const LinearGraph::Edge& edge : graph.edges)
      elimination.add_edge(edge.from, edge.to, {for_samples(edge.map, start, stop)}, algebra);
    for (const int vertex : order.vertices) elimination.eliminate(vertex, algebra);
    std::optional<Tensor> found = algebra.closed();
    if (plan.goal == EliminationGoal::whole)
      elimination.for_each_edge(
          [&](int, int, int, const std::vector<LinearMap>& maps) { found = algebra.form(maps); });
    const Shape shape = concatenate(Shape{stop - start}, result);
    parts.push_back(found ? broadcast_to(*found, shape) : zeros(shape, graph.dtype));
  }
  if (parts.empty()) return zeros(concatenate(Shape{0}, result), graph.dtype);
  return parts.size() == 1 ? parts[0] : concatenate(parts, 0);
}

}  // namespace nabla
