#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/graph/node.h"

namespace nabla {

/// A small open-addressing map from nodes to integers, for walks.
class NodeMap {
 public:
  static constexpr int kAbsent = -1;
  explicit NodeMap(std::size_t expected = 16);
  /// The value of a node, or kAbsent.
  int find(const Node* node) const;
  /// Inserts if absent; returns false if the node was there (and leaves its value).
  bool insert(const Node* node, int value);

 private:
  std::size_t place(const Node* node) const;
  void grow();

  struct Entry {
    const Node* node = nullptr;
    int value = kAbsent;
  };
  std::vector<Entry> entries_;
  std::size_t count_ = 0;
};

/// The part of a graph between variables and results that derivatives flow through.
struct Dependents {
  /// Nodes that depend on xs, inputs before users. The xs themselves are included where reached.
  std::vector<Node*> nodes;
  /// Index into `nodes`, or NodeMap::kAbsent.
  NodeMap index;
  /// Leaves that a function evaluated from xs (see Evaluation): where derivatives get lost.
  std::vector<Node*> evaluated;
};

/// What counts as depending: only paths that derivatives can take, any path, or any that does not enter what
/// a primitive encloses.
enum class Through { differentiable, everything, arguments };
/// Collects what lies between xs and ys. The walk goes back from ys and ends at the xs: what they were built
/// from is not visited through them. Nor is what has an id below the smallest of the xs, because an input's
/// id is always smaller than its user's.
Dependents dependents(std::span<const Tensor> ys, std::span<const Tensor> xs, Through through);
Dependents dependents(const Tensor& y, const Tensor& x, Through through);

/// Nodes behind `outputs`, each once, inputs before users; `stop` ends the walk (they are not included).
std::vector<const Node*> nodes_behind(std::span<const Tensor> outputs, std::span<const Tensor> stop = {});
std::vector<const Node*> nodes_behind(const Tensor& output);

/// Nodes visited by all walks of this thread so far; lets tests assert that a walk stays local.
std::uint64_t walked_node_count();

}  // namespace nabla
