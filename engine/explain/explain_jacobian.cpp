#include "engine/explain/explain_jacobian.h"

#include <algorithm>

#include "engine/explain/elimination_picture.h"
#include "engine/tensor/number_text.h"

namespace nabla {
namespace {

std::string three_digits(double count) {
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

std::string line(const JacobianWay& way, std::int64_t samples) {
  const auto fill = [](const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ');
  };
  const auto right = [&](double count) {
    const std::string text = three_digits(count);
    return fill(text, 12) + text;
  };
  const double per_sample = (way.total - way.once) / static_cast<double>(std::max<std::int64_t>(1, samples));
  return "  " + way.name + fill(way.name, 22) + " " + right(way.once) + "FLOP once " + right(per_sample) +
         "FLOP a sample " + right(way.total) + "FLOP in all " + right(way.bytes_moved) + "B moved " +
         right(way.bytes) + "B at once\n";
}

std::int64_t argument_size(const LinearGraph& graph) { return graph.sizes[graph.argument]; }

}  // namespace

DivergenceExplanation explain_divergence(const Field& v, const Tensor& x, const JacobianOptions& options,
                                         std::source_location where) {
  if (options.method > JacobianMethod::loop_cut)
    throw Error(
        "explain_divergence: colourings and estimates take the directions that the options say; only methods "
        "that are exact for every field are explained");
  check_options("explain_divergence", options);
  const FieldOnVariable field =
      samplewise_on_variable("explain_divergence", v, x, /*same_shape=*/true, where);
  DivergenceExplanation explanation;
  explanation.ways = jacobian_ways(field, EliminationGoal::trace, options);
  const JacobianWay chosen = chosen_way(field, EliminationGoal::trace, options);
  const auto found = std::ranges::find_if(explanation.ways, [&](const JacobianWay& way) {
    return way.name == chosen.name && way.matrix_elements == chosen.matrix_elements;
  });
  explanation.chosen = static_cast<std::size_t>(found - explanation.ways.begin());
  explanation.plan = plan_contraction(
      linear_graph(field.y, field.x, chosen.order ? chosen.matrix_elements : kMostMatrixElements),
      EliminationGoal::trace);
  if (options.method != JacobianMethod::automatic)
    explanation.reason = "it was asked for";
  else if (chosen.order)
    explanation.reason = "it takes the least work";
  else
    explanation.reason = "no contraction takes less work";
  return explanation;
}

double DivergenceExplanation::saving() const {
  return ways[chosen].total > 0 ? ways.front().total / ways[chosen].total : 1;
}

const EliminationOrder* DivergenceExplanation::chosen_contraction() const {
  const std::optional<EliminationOrder>& order = ways[chosen].order;
  return order ? &*order : nullptr;
}

std::string DivergenceExplanation::text() const {
  const LinearGraph& graph = plan.graph;
  std::string text = "divergence of " + std::to_string(graph.samples) + " samples of " +
                     std::to_string(argument_size(graph)) + " elements\n";
  for (const LinearGraph::Edge& edge : graph.edges)
    text += "  v" + std::to_string(edge.from) + " [" + std::to_string(edge.map.columns) + "] -> v" +
            std::to_string(edge.to) + " [" + std::to_string(edge.map.rows) + "]: " + name_of(edge.map) + "\n";
  text += "ways\n";
  for (const JacobianWay& way : ways) text += line(way, graph.samples);
  for (const LinearGraph::Applied& applied : graph.applied)
    text += "applied, not formed: " + applied.node + ", because " + applied.reason + "\n";
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
