#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/plan/canonical/node_facts.h"
#include "engine/plan/canonical/one_hot.h"

namespace nabla {

/// The graph that canonical() makes, node by node: no expression stands in it twice, and of every node it
/// knows some facts.
class CanonicalGraph {
 public:
  explicit CanonicalGraph(std::size_t expected_nodes);

  const PlanNode& operator[](int node) const { return graph_[node]; }
  const NodeFacts& facts(int node) const { return facts_[node]; }
  const IndexFacts& index_facts(int node) const { return index_facts_[node]; }
  Op op(int node) const { return facts(node).op; }

  /// Appends a leaf.
  int append(PlanNode made);
  /// Appends an operation, unless the same expression is there already.
  int intern(PlanNode made);
  /// The same with a primitive of the catalogue; its line is that of `like`.
  int intern(Op op, Attributes attributes, std::vector<int> inputs, const Shape& shape, DType dtype,
             const PlanNode& like);

  /// A tensor whose elements all have one value.
  int constant(double value, const Shape& shape, DType dtype, const PlanNode& like);

  void note_same_elements(int node, int other) { facts_[node].same_elements = other; }
  /// The node to read by those to whom it does not matter how the elements lie.
  int elements_of(int node) const;
  /// The value of all elements, if they are known to be one: a constant's.
  std::optional<double> uniform(int node) const;

  PlanGraph take() { return std::move(graph_); }

 private:
  PlanGraph graph_;
  std::vector<NodeFacts> facts_;
  std::vector<IndexFacts> index_facts_;
  std::unordered_multimap<std::size_t, int> interned_;
};

}  // namespace nabla
