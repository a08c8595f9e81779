#pragma once

#include <optional>
#include <vector>

#include "engine/plan/canonical/canonical_graph.h"

namespace nabla {

/// The graph that canonical() was given, with the node of the new graph that stands for each of its nodes.
struct GivenGraph {
  explicit GivenGraph(const PlanGraph& given);

  const PlanGraph& graph;
  std::vector<int> reads;  ///< of each node; who asks for a node counts more than once
  std::vector<int> place;  ///< of the nodes that have been treated
};

/// Node `index` of the given graph, a contraction, as something that forms less: rows of an operand instead
/// of its product with rows of an identity, the trace or diagonal of a product without that product, operands
/// that are not repeated. `node` has its inputs in the new graph. Nothing where there is no such form.
std::optional<int> cheaper_product(CanonicalGraph& graph, const GivenGraph& given, int index,
                                   const PlanNode& node);

/// A permuted product that nothing but node `index` of the given graph, a pointwise one, reads in its slot:
/// in the new graph, with its axes in the order in which they are read, so that it lies as the node's other
/// operands do. Nothing for another operand, or where one of the others is permuted as well.
std::optional<int> product_in_reading_order(CanonicalGraph& graph, const GivenGraph& given, int index,
                                            std::size_t slot);

}  // namespace nabla
