#pragma once

#include <cstdint>
#include <span>

#include "engine/plan/canonical/plan_graph.h"

namespace nabla {

/// What is known of a node's elements without computing them.
struct NodeFacts {
  Op op = Op::custom;
  /// The elements lie in their order without gaps, however the leaves lie that are seen so.
  bool is_dense = false;
  /// No element is -0. A NaN may have any sign, here and below.
  bool never_minus_zero = false;
  /// No element is -0 or below 0.
  bool never_negative = false;
  /// Axes, as bits from the left, along which all elements are one element, shown again and again.
  std::uint16_t repeated = 0;
  /// Another node with the same elements, laid out differently; -1 if there is none. For those who read
  /// elements one by one; what adds them up takes another order there.
  int same_elements = -1;
};

/// The facts of a node (but for `same_elements`) from those of its inputs.
NodeFacts node_facts(const PlanGraph& graph, const PlanNode& node, std::span<const NodeFacts> known);

}  // namespace nabla
