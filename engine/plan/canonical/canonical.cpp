#include "engine/plan/canonical/canonical.h"

#include <utility>

#include "engine/plan/canonical/canonical_graph.h"
#include "engine/plan/canonical/constant_folding.h"
#include "engine/plan/canonical/rewrite_pointwise.h"
#include "engine/plan/canonical/rewrite_products.h"
#include "engine/plan/canonical/rewrite_views.h"

namespace nabla {
namespace {

class Canonicaliser {
 public:
  explicit Canonicaliser(const PlanGraph& graph) : given_(graph), graph_(graph.nodes.size()) {}

  PlanGraph run() {
    for (const PlanNode& node : given_.graph.nodes) {
      PlanNode made = node;
      for (int& input : made.inputs) input = place(input);
      given_.place.push_back(made.is_leaf() ? graph_.append(std::move(made)) : rewritten(std::move(made)));
    }
    // Results are made dense in the end, however what they are read from lies.
    std::vector<int> outputs;
    std::vector<PlanGraph::Held> held;
    for (const int output : given_.graph.outputs) outputs.push_back(graph_.elements_of(place(output)));
    for (const PlanGraph::Held& h : given_.graph.held)
      held.push_back({h.place, graph_.elements_of(place(h.node))});
    PlanGraph made = graph_.take();
    made.outputs = std::move(outputs);
    made.held = std::move(held);
    return made;
  }

 private:
  int place(int given) const { return given_.place[given]; }

  int rewritten(PlanNode made) {
    if (made.inputs.empty()) return graph_.intern(std::move(made));
    const Op op = made.op();
    if (op == Op::stop_gradient) return made.inputs[0];
    if (const std::optional<double> value = folded_value(graph_, made))
      return constant(std::move(made), *value);
    const int index = static_cast<int>(given_.place.size());
    if (made.primitive->is_pointwise()) {
      for (std::size_t slot = 0; slot < made.inputs.size(); ++slot)
        if (const std::optional<int> product = product_in_reading_order(graph_, given_, index, slot))
          made.inputs[slot] = *product;
      return rewrite_pointwise(graph_, std::move(made));
    }
    if (op == Op::contraction) {
      if (const std::optional<int> product = cheaper_product(graph_, given_, index, made)) return *product;
    }
    if (const std::optional<int> view = collapsed_view(graph_, made)) return *view;
    if (op == Op::pad || op == Op::concatenate)
      for (int& input : made.inputs) input = graph_.elements_of(input);
    return graph_.intern(std::move(made));
  }

  // A node with elements that all are `value`. A constant takes one of them, and so does a view of it but for
  // a reshape; what adds up the elements of another node must find them as they lie without this pass.
  int constant(PlanNode node, double value) {
    const int made = graph_.constant(value, node.shape, node.dtype, node);
    const Op op = node.op();
    if (facts_of(op).family == Family::view && graph_.op(node.inputs[0]) == Op::constant) return made;
    const int index = graph_.intern(std::move(node));
    graph_.note_same_elements(index, made);
    return index;
  }

  GivenGraph given_;
  CanonicalGraph graph_;
};

// Leaves stay, because a plan knows them by position.
PlanGraph without_unused(PlanGraph graph) {
  std::vector<bool> used(graph.nodes.size(), false);
  for (const int output : graph.outputs) used[output] = true;
  for (const PlanGraph::Held& held : graph.held) used[held.node] = true;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    used[i] = used[i] || graph.nodes[i].is_leaf();
    if (used[i])
      for (const int input : graph.nodes[i].inputs) used[input] = true;
  }
  std::vector<int> place(graph.nodes.size(), -1);
  std::size_t count = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!used[i]) continue;
    place[i] = static_cast<int>(count);
    for (int& input : graph.nodes[i].inputs) input = place[input];
    if (count != i) graph.nodes[count] = std::move(graph.nodes[i]);
    ++count;
  }
  graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(count), graph.nodes.end());
  for (int& output : graph.outputs) output = place[output];
  for (PlanGraph::Held& held : graph.held) held.node = place[held.node];
  return graph;
}

}  // namespace

PlanGraph canonical(const PlanGraph& graph) { return without_unused(Canonicaliser(graph).run()); }

}  // namespace nabla
