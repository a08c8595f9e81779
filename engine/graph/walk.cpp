#include "engine/graph/walk.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "engine/graph/evaluation.h"
#include "engine/graph/primitive.h"

namespace nabla {
namespace {
thread_local std::uint64_t walked = 0;
}

NodeMap::NodeMap(std::size_t expected) : entries_(std::bit_ceil(std::max<std::size_t>(16, expected * 2))) {}

std::size_t NodeMap::place(const Node* node) const {
  const std::uint64_t hash = std::bit_cast<std::uintptr_t>(node) * 0x9e3779b97f4a7c15ULL;
  std::size_t i = static_cast<std::size_t>(hash >> 32) & (entries_.size() - 1);
  while (entries_[i].node && entries_[i].node != node) i = (i + 1) & (entries_.size() - 1);
  return i;
}

int NodeMap::find(const Node* node) const { return entries_[place(node)].value; }

bool NodeMap::insert(const Node* node, int value) {
  std::size_t i = place(node);
  if (entries_[i].node) return false;
  if (2 * (count_ + 1) > entries_.size()) {
    grow();
    i = place(node);
  }
  entries_[i] = {node, value};
  ++count_;
  return true;
}

void NodeMap::grow() {
  std::vector<Entry> old(entries_.size() * 2);
  old.swap(entries_);
  for (const Entry& entry : old)
    if (entry.node) entries_[place(entry.node)] = entry;
}

Dependents dependents(std::span<const Tensor> ys, std::span<const Tensor> xs, Through through) {
  NodeMap variables(xs.size());
  std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
  for (const Tensor& x : xs) {
    variables.insert(&x.node(), 0);
    oldest = std::min(oldest, x.node().id());
  }
  // The inputs by which a node may depend on a variable.
  const auto followed = [&](const Node* node) -> std::span<Node* const> {
    const bool ends = variables.find(node) != NodeMap::kAbsent ||
                      (through == Through::differentiable &&
                       (!is_floating(node->dtype()) ||
                        node->primitive().derivative_class() == Primitive::Class::nondifferentiable));
    if (ends) return {};
    return node->inputs().subspan(through == Through::arguments && node->primitive().encloses_input() ? 1
                                                                                                      : 0);
  };

  NodeMap seen;
  std::vector<Node*> reached;
  const auto reach = [&](Node* node) {
    if (node->id() >= oldest && seen.insert(node, 0)) reached.push_back(node);
  };
  for (const Tensor& y : ys) reach(&y.node());
  for (std::size_t i = 0; i < reached.size(); ++i)
    for (Node* input : followed(reached[i])) reach(input);
  walked += reached.size();
  std::sort(reached.begin(), reached.end(), [](const Node* a, const Node* b) { return a->id() < b->id(); });

  Dependents result{{}, NodeMap(reached.size()), {}};
  for (Node* node : reached) {
    const bool is_variable = variables.find(node) != NodeMap::kAbsent;
    if (!is_variable && evaluating_function(*node) &&
        std::ranges::any_of(xs, [&](const Tensor& x) { return was_evaluated_from(*node, x.node()); }))
      result.evaluated.push_back(node);
    if (!is_variable && std::ranges::none_of(followed(node), [&](const Node* input) {
          return result.index.find(input) != NodeMap::kAbsent;
        }))
      continue;
    result.index.insert(node, static_cast<int>(result.nodes.size()));
    result.nodes.push_back(node);
  }
  return result;
}

std::vector<const Node*> nodes_behind(std::span<const Tensor> outputs, std::span<const Tensor> stop) {
  NodeMap seen;
  for (const Tensor& tensor : stop) seen.insert(&tensor.node(), 0);
  std::vector<const Node*> nodes;
  const auto reach = [&](const Node* node) {
    if (seen.insert(node, 0)) nodes.push_back(node);
  };
  for (const Tensor& output : outputs) reach(&output.node());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const Node* input : nodes[i]->inputs()) reach(input);
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->id() < b->id(); });
  return nodes;
}

std::uint64_t walked_node_count() { return walked; }

Dependents dependents(const Tensor& y, const Tensor& x, Through through) {
  return dependents(std::span(&y, 1), std::span(&x, 1), through);
}

std::vector<const Node*> nodes_behind(const Tensor& output) { return nodes_behind(std::span(&output, 1)); }

}  // namespace nabla
