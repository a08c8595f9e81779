#include "engine/autodiff/explain_trace.h"

#include <algorithm>
#include <cstdio>

#include "engine/autodiff/samplewise.h"
#include "engine/autodiff/trace_contraction.h"
#include "engine/ops/constant.h"

namespace nabla {
namespace {

std::string with_prefix(double count) {
  static constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (count >= 999.5 && prefix + 1 < std::size(kPrefixes)) {
    count /= 1000;
    ++prefix;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %s", count, kPrefixes[prefix]);
  return text;
}

std::string name_of(const LinearMap& map) {
  if (map.kind == MapKind::diagonal) {
    if (!map.left) return "identity";
    return map.left->shape()[0] == 1 ? "diagonal" : "diagonal of each sample";
  }
  return map.kind == MapKind::shared ? "matrix" : "matrix of each sample";
}

std::string line(const std::string& name, double once, double per_sample, double total, double bytes) {
  char text[160];
  std::snprintf(text, sizeof text, "  %-22s %12sFLOP once %12sFLOP a sample %12sFLOP in all %12sB\n",
                name.c_str(), with_prefix(once).c_str(), with_prefix(per_sample).c_str(),
                with_prefix(total).c_str(), with_prefix(bytes).c_str());
  return text;
}

}  // namespace

std::string explain_divergence(const Field& v, const Tensor& x, const JacobianOptions& options) {
  const Tensor at = variable(x.shape(), x.dtype());
  const Tensor y = v(at);
  require_samplewise("explain_divergence", y, at);
  const TracePlan plan = plan_trace(linear_graph(y, at));
  const LinearGraph& graph = plan.graph;
  const std::int64_t size = graph.sizes[static_cast<std::size_t>(graph.argument)];
  std::string text = "divergence of " + std::to_string(graph.samples) + " samples of " +
                     std::to_string(size) + " elements\n";
  for (const LinearGraph::Edge& edge : graph.edges)
    text += "  v" + std::to_string(edge.from) + " [" + std::to_string(edge.map.columns) + "] -> v" +
            std::to_string(edge.to) + " [" + std::to_string(edge.map.rows) + "]: " + name_of(edge.map) + "\n";
  const double forward = forward_operations(graph);
  std::int64_t widest = 0;
  for (const std::int64_t s : graph.sizes) widest = std::max(widest, s);
  const double samples = static_cast<double>(graph.samples),
               element = static_cast<double>(size_of(graph.dtype));
  text += "ways\n";
  const double tangents =
      std::min(static_cast<double>(options.tangent_bytes),
               static_cast<double>(size) * static_cast<double>(widest) * samples * element);
  text += line(std::to_string(size) + " tangents", 0, forward / std::max(1.0, samples), forward, tangents);
  for (const EliminationOrder& order : plan.orders) {
    text += line("contracted, " + order.name, order.cost.once, order.cost.per_sample,
                 order.cost.total(graph.samples), order.cost.elements * samples * element);
  }
  if (!graph.opaque.empty()) {
    text += "chosen: tangents, because " + graph.opaque + " can only be applied\n";
  } else if (options.divergence == DivergenceMethod::forward) {
    text += "chosen: tangents, as asked\n";
  } else if (options.divergence == DivergenceMethod::contraction || is_worth_contracting(plan)) {
    const EliminationOrder& order = plan.orders.front();
    text += "chosen: contracted, " + order.name;
    if (options.divergence == DivergenceMethod::contraction) text += ", as asked";
    text += "; vertices are eliminated in the order";
    for (const int vertex : order.vertices) text += " v" + std::to_string(vertex);
    text += "\n";
  } else {
    text += "chosen: tangents, because no contraction takes clearly fewer operations\n";
  }
  return text;
}

}  // namespace nabla
