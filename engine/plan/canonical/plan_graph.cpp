#include "engine/plan/canonical/plan_graph.h"

#include <algorithm>
#include <string>

namespace nabla {

PlanGraph make_plan_graph(const Schedule& schedule, std::span<const Tensor> outputs, Variables variables) {
  PlanGraph graph;
  graph.nodes.reserve(schedule.order.size());
  for (std::size_t i = 0; i < schedule.order.size(); ++i) {
    const Node& node = *schedule.order[i];
    PlanNode made{nullptr, {}, {}, node.shape(), node.dtype(), {}, node.where()};
    if (node.has_value()) {
      made.layout = node.value().layout;
      made.donated = schedule.donated[i];
    } else if (variables == Variables::stand_for_values && node.primitive().is_variable()) {
      made.layout = Layout::dense(node.shape());
    } else {
      if (node.primitive().is_variable())
        throw Error(
            "evaluate: the result depends on a variable " + to_string(node.shape()) +
            " of the transform at " + node.where().file_name() + ":" + std::to_string(node.where().line()) +
            ", which has no value: a function under jvp, vjp, grad, vmap or compile may not read values");
      made.primitive = &node.primitive();
      made.attributes = node.attributes();
      for (const Node* input : node.inputs()) made.inputs.push_back(schedule.place.find(input));
      if (schedule.held[i]) graph.held.push_back({static_cast<int>(i), static_cast<int>(i)});
    }
    graph.nodes.push_back(std::move(made));
  }
  for (const Tensor& output : outputs) graph.outputs.push_back(schedule.place.find(&output.node()));
  std::erase_if(graph.held, [&](const PlanGraph::Held& held) {
    return std::ranges::find(graph.outputs, held.node) != graph.outputs.end();
  });
  return graph;
}

Shape squeezed(const Shape& shape) {
  Shape result;
  for (const std::int64_t extent : shape.extents())
    if (extent != 1) result.push_back(extent);
  return result;
}

bool renames_input(const PlanGraph& graph, const PlanNode& node) {
  if (node.is_leaf() || node.inputs.empty() || node.primitive->orders_steps()) return false;
  const Shape& input = graph[node.inputs[0]].shape;
  if (!(squeezed(input) == squeezed(node.shape))) return false;
  const std::optional<Layout> view = node.primitive->view(Layout::dense(input), node.shape, node.attributes);
  return view && view->is_dense() && view->offset == 0;
}

std::vector<int> memory_owners(const PlanGraph& graph) {
  std::vector<int> owners;
  for (const PlanNode& node : graph.nodes) {
    const bool is_view =
        !node.is_leaf() && !node.inputs.empty() &&
        node.primitive->view(Layout::dense(graph[node.inputs[0]].shape), node.shape, node.attributes);
    owners.push_back(is_view ? owners[node.inputs[0]] : static_cast<int>(owners.size()));
  }
  return owners;
}

}  // namespace nabla
