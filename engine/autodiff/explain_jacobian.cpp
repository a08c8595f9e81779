#include "engine/autodiff/explain_jacobian.h"

#include <algorithm>

#include "engine/autodiff/elimination_picture.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

std::string with_prefix(double count) {
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (count >= 999.5 && prefix + 1 < std::size(kPrefixes)) {
    count /= 1000;
    ++prefix;
  }
  return number_text(count, 3) + " " + kPrefixes[prefix];
}

std::string name_of(const LinearMap& map) {
  if (map.kind == MapKind::diagonal) {
    if (!map.left) return "identity";
    return map.left->shape()[0] == 1 ? "diagonal" : "diagonal of each sample";
  }
  if (map.kind == MapKind::applied) return "applied";
  if (map.kind == MapKind::low_rank) return "rank " + std::to_string(map.left->shape()[1]);
  return map.kind == MapKind::shared ? "matrix" : "matrix of each sample";
}

std::string line(const DivergenceExplanation::Way& way) {
  const auto fill = [](const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ');
  };
  const auto right = [&](double count) {
    const std::string text = with_prefix(count);
    return fill(text, 12) + text;
  };
  return "  " + way.name + fill(way.name, 22) + " " + right(way.once) + "FLOP once " + right(way.per_sample) +
         "FLOP a sample " + right(way.total) + "FLOP in all " + right(way.bytes) + "B\n";
}

std::int64_t argument_size(const LinearGraph& graph) {
  return graph.sizes[static_cast<std::size_t>(graph.argument)];
}

}  // namespace

DivergenceExplanation explain_divergence(const Field& v, const Tensor& x, const JacobianOptions& options,
                                         std::source_location where) {
  if (options.method > JacobianMethod::loop_cut)
    throw Error(
        "explain_divergence: colourings and estimates take the directions that the options say; only methods "
        "that are exact for every field are explained");
  const FieldOnVariable field =
      samplewise_on_variable("explain_divergence", v, x, /*same_shape=*/true, where);
  DivergenceExplanation explanation;
  explanation.plan = plan_contraction(linear_graph(field.y, field.x), EliminationGoal::trace);
  const ContractionPlan& plan = explanation.plan;
  const LinearGraph& graph = plan.graph;
  const double size = static_cast<double>(argument_size(graph)), samples = static_cast<double>(graph.samples),
               element = static_cast<double>(size_of(graph.dtype)),
               widest = static_cast<double>(*std::ranges::max_element(graph.sizes));
  const auto add_one_by_one = [&](const char* directions, double operations) {
    explanation.ways.push_back(
        {std::to_string(argument_size(graph)) + " " + directions, 0, operations / std::max(1.0, samples),
         operations,
         std::min(static_cast<double>(options.tangent_bytes), size * widest * samples * element)});
  };
  add_one_by_one("tangents", forward_operations(graph, plan.goal));
  for (const EliminationOrder& order : plan.orders)
    explanation.ways.push_back({"contracted, " + order.name, order.cost.once, order.cost.per_sample,
                                order.cost.total(graph.samples), order.cost.elements * samples * element});
  const bool asked = options.method != JacobianMethod::automatic;
  if (const EliminationOrder* order = chosen_order(plan, options.method, options.tangent_bytes)) {
    explanation.chosen = static_cast<std::size_t>(order - plan.orders.data()) + 1;
    explanation.reason = asked ? "it was asked for" : "it takes the fewest operations";
  } else if (options.method == JacobianMethod::reverse) {
    explanation.chosen = explanation.ways.size();
    add_one_by_one("cotangents", reverse_operations(graph, plan.goal));
    explanation.reason = "it was asked for";
  } else {
    explanation.reason = asked ? "it was asked for" : "no contraction takes clearly fewer operations";
  }
  return explanation;
}

double DivergenceExplanation::saving() const {
  return ways[chosen].total > 0 ? ways.front().total / ways[chosen].total : 1;
}

const EliminationOrder* DivergenceExplanation::chosen_contraction() const {
  return chosen > 0 && chosen <= plan.orders.size() ? &plan.orders[chosen - 1] : nullptr;
}

std::string DivergenceExplanation::text() const {
  const LinearGraph& graph = plan.graph;
  std::string text = "divergence of " + std::to_string(graph.samples) + " samples of " +
                     std::to_string(argument_size(graph)) + " elements\n";
  for (const LinearGraph::Edge& edge : graph.edges)
    text += "  v" + std::to_string(edge.from) + " [" + std::to_string(edge.map.columns) + "] -> v" +
            std::to_string(edge.to) + " [" + std::to_string(edge.map.rows) + "]: " + name_of(edge.map) + "\n";
  text += "ways\n";
  for (const Way& way : ways) text += line(way);
  if (!graph.applied.empty()) text += "applied, not formed: " + graph.applied + "\n";
  text += "chosen: " + ways[chosen].name + ", because " + reason + "\n";
  if (const EliminationOrder* order = chosen_contraction()) {
    text += "vertices are eliminated in the order";
    for (const int vertex : order->vertices) text += " v" + std::to_string(vertex);
    text += "\n";
  }
  return text;
}

std::string DivergenceExplanation::svg() const {
  return draw_elimination(elimination_graph(plan), chosen_contraction());
}

}  // namespace nabla
