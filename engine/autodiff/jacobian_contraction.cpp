#include "engine/autodiff/jacobian_contraction.h"

#include <algorithm>

#include "engine/autodiff/graded_elimination.h"
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
  return {map.kind,
          map.rows,
          map.columns,
          scale(map.left),
          scale(map.right),
          /*rank=*/0,
          map.function ? map.function->operations : 0,
          std::max(map.rows, map.columns)};
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

namespace {

// Vectors one after the other, from the argument's elements upwards or from the result's downwards.
double one_by_one_operations(const LinearGraph& graph, EliminationGoal goal, bool upwards) {
  const auto is_matrix = [](const LinearGraph::Edge& edge) { return edge.map.kind != MapKind::diagonal; };
  // Matrices behind a vertex, and before it. Vectors are one-hot, or scaled rows, before the second matrix.
  std::vector<int> below(graph.sizes.size(), 0), above(graph.sizes.size(), 0);
  const auto raise = [](int& count, int by) { count = std::max(count, by); };
  for (const LinearGraph::Edge& edge : graph.edges)
    raise(below[static_cast<std::size_t>(edge.to)],
          below[static_cast<std::size_t>(edge.from)] + is_matrix(edge));
  for (auto edge = graph.edges.rbegin(); edge != graph.edges.rend(); ++edge)
    raise(above[static_cast<std::size_t>(edge->from)],
          above[static_cast<std::size_t>(edge->to)] + is_matrix(*edge));
  const double vectors =
      static_cast<double>(graph.sizes[static_cast<std::size_t>(upwards ? graph.argument : graph.result)]);
  double operations = 0;
  for (const LinearGraph::Edge& edge : graph.edges) {
    const double elements = edge.map.function
                                ? edge.map.function->operations / 2
                                : static_cast<double>(edge.map.rows) * static_cast<double>(edge.map.columns);
    const int under = below[static_cast<std::size_t>(edge.from)],
              over = above[static_cast<std::size_t>(edge.to)];
    if (!is_matrix(edge))
      operations += vectors * static_cast<double>(edge.map.rows);
    else if (edge.map.kind == MapKind::applied)
      operations += 2 * vectors * elements;
    else if ((upwards ? over : under) == 0 && goal != EliminationGoal::whole)
      operations += 2 * elements;  // the diagonal alone
    else if ((upwards ? under : over) > 0)
      operations += 2 * vectors * elements;
  }
  return operations * static_cast<double>(graph.samples);
}

}  // namespace

double forward_operations(const LinearGraph& graph, EliminationGoal goal) {
  return one_by_one_operations(graph, goal, true);
}
double reverse_operations(const LinearGraph& graph, EliminationGoal goal) {
  return one_by_one_operations(graph, goal, false);
}

namespace {

// What is applied knows all samples, so that these cannot be taken in turn.
bool takes_all_samples(const LinearGraph& graph) {
  return std::ranges::any_of(graph.edges,
                             [](const LinearGraph::Edge& edge) { return edge.map.kind == MapKind::applied; });
}

double sample_bytes(const ContractionPlan& plan, const EliminationOrder& order) {
  return order.cost.elements * static_cast<double>(size_of(plan.graph.dtype));
}

}  // namespace

const EliminationOrder* chosen_order(const ContractionPlan& plan, JacobianMethod method, std::int64_t bytes) {
  // Below this everything is calls and steps, of which forward mode has fewer.
  constexpr double kFewOperations = 1e6;
  const EliminationOrder& cheapest = plan.orders.front();
  if (method == JacobianMethod::contraction) return &cheapest;
  if (method == JacobianMethod::loop_cut)
    return &*std::ranges::find_if(plan.orders, &EliminationOrder::is_cut);
  if (method != JacobianMethod::automatic) return nullptr;
  const double one_by_one =
      std::min(forward_operations(plan.graph, plan.goal), reverse_operations(plan.graph, plan.goal));
  const bool fits =
      !takes_all_samples(plan.graph) ||
      sample_bytes(plan, cheapest) * static_cast<double>(plan.graph.samples) <= static_cast<double>(bytes);
  const bool is_worth_it =
      fits && one_by_one > kFewOperations && cheapest.cost.total(plan.graph.samples) < 0.8 * one_by_one;
  return is_worth_it ? &cheapest : nullptr;
}

Tensor contract_in_order(const ContractionPlan& plan, const EliminationOrder& order, std::int64_t bytes) {
  const LinearGraph& graph = plan.graph;
  const auto size_at = [&](int vertex) { return graph.sizes[static_cast<std::size_t>(vertex)]; };
  const std::int64_t samples = std::max<std::int64_t>(1, graph.samples);
  const std::int64_t fitting =
      static_cast<std::int64_t>(static_cast<double>(bytes) / std::max(1.0, sample_bytes(plan, order)));
  const std::int64_t chunk =
      takes_all_samples(graph) ? samples : std::clamp<std::int64_t>(fitting, 1, samples);
  Shape result;
  if (plan.goal == EliminationGoal::diagonal) result = {size_at(graph.argument)};
  if (plan.goal == EliminationGoal::whole) result = {size_at(graph.result), size_at(graph.argument)};
  std::vector<Tensor> parts;
  for (std::int64_t start = 0; start < graph.samples; start += chunk) {
    const std::int64_t stop = std::min(graph.samples, start + chunk);
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
