#include "engine/plan/programs/recompute.h"

#include <algorithm>

#include "engine/plan/programs/widened.h"

namespace nabla {
namespace {

// Smaller values stay in the caches anyway.
constexpr std::int64_t kLeastRecomputedBytes = std::int64_t{256} << 10;
// More readers than this share a value rather than each computing it.
constexpr std::size_t kMostReaders = 2;

bool is_asked(const PlanGraph& graph, int node) {
  return std::ranges::find(graph.outputs, node) != graph.outputs.end() ||
         std::ranges::find(graph.held, node, &PlanGraph::Held::node) != graph.held.end();
}

}  // namespace

void recompute_at_readers(const PlanGraph& graph, const std::vector<int>& group_of, PlanGroups& groups) {
  std::vector<std::vector<std::size_t>> readers(graph.nodes.size());
  for (std::size_t g = 0; g < groups.groups.size(); ++g)
    for (const int node : groups.groups[g].nodes)
      for (const int input : graph[node].inputs) {
        const int from = groups.source(groups.groups[g], input);
        std::vector<std::size_t>& found = readers[from];
        if (!groups.groups[g].contains(from) && (found.empty() || found.back() != g)) found.push_back(g);
      }
  const auto reads = [&](std::size_t g, int node) {
    const std::vector<std::size_t>& found = readers[node];
    return std::ranges::find(found, g) != found.end();
  };
  const auto is_at_hand = [&](std::size_t g, int node) {
    const PlanNode& operand = graph[node];
    return groups.groups[g].contains(node) || reads(g, node) ||
           (!operand.is_leaf() && operand.primitive->is_uniform());
  };
  for (std::size_t v = 0; v < graph.nodes.size(); ++v) {
    const int node = static_cast<int>(v);
    if (group_of[v] < 0 || readers[v].empty() || readers[v].size() > kMostReaders || is_asked(graph, node))
      continue;
    if (graph[node].shape.size() * static_cast<std::int64_t>(size_of(graph[node].dtype)) <
        kLeastRecomputedBytes)
      continue;
    PlanGroup& own = groups.groups[group_of[v]];
    const Shape shape = squeezed(graph[node].shape);
    const bool is_widened = is_widened_leaf(graph, node);
    const bool is_pointwise = own.is_program && graph[node].primitive->is_pointwise();
    const bool fits = is_pointwise && std::ranges::all_of(readers[v], [&](std::size_t g) {
                        const PlanGroup& reader = groups.groups[g];
                        return reader.is_program && reader.nodes.size() < kMostInstructions &&
                               reader.program.shape == shape &&
                               (is_widened || (reader.program.fold != TileProgram::Fold::tangents &&
                                               std::ranges::all_of(graph[node].inputs, [&](int input) {
                                                 return is_at_hand(g, groups.base[input]);
                                               })));
                      });
    if (!fits) continue;
    for (const std::size_t g : readers[v]) {
      std::vector<int>& nodes = groups.groups[g].nodes;
      nodes.insert(std::ranges::lower_bound(nodes, node), node);
    }
    readers[v].clear();
    const bool used_at_home = std::ranges::any_of(own.nodes, [&](int user) {
      return std::ranges::any_of(graph[user].inputs, [&](int input) { return groups.base[input] == node; });
    });
    if (!used_at_home && own.nodes.size() > 1) std::erase(own.nodes, node);
  }
}

}  // namespace nabla
