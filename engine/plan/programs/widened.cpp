#include "engine/plan/programs/widened.h"

#include <algorithm>

namespace nabla {
namespace {

// Smaller copies stay as they are: what they take is no concern.
constexpr std::int64_t kLeastBytes = std::int64_t{16} << 20;
constexpr int kMostNodes = 4;  // between the leaf and the value

bool is_made_of(const PlanGraph& graph, int node, std::int64_t elements, int nodes) {
  const PlanNode& value = graph[node];
  if (is_widened_leaf(graph, node)) return true;
  if (value.is_leaf() || nodes == 0 || !value.primitive->is_pointwise()) return false;
  bool found = false;
  for (const int input : value.inputs) {
    if (graph[input].shape.size() <= elements / 64) continue;
    if (!is_made_of(graph, input, elements, nodes - 1)) return false;
    found = true;
  }
  return found;
}

}  // namespace

bool is_widened_leaf(const PlanGraph& graph, int node) {
  const PlanNode& value = graph[node];
  if (value.is_leaf() || value.op() != Op::cast) return false;
  const PlanNode& leaf = graph[value.inputs[0]];
  const auto width = [](DType dtype) { return static_cast<std::int64_t>(size_of(dtype)); };
  return leaf.is_leaf() && width(value.dtype) >= 2 * width(leaf.dtype) &&
         value.shape.size() * width(value.dtype) >= kLeastBytes;
}

bool is_of_widened_leaves(const PlanGraph& graph, int node) {
  return is_made_of(graph, node, graph[node].shape.size(), kMostNodes);
}

}  // namespace nabla
