#pragma once

#include <vector>

#include "engine/plan/plan_graph.h"

namespace nabla {

/// Nodes that one step computes: a tile program of pointwise nodes over one shape, or a single other node.
struct PlanGroup {
  std::vector<int> nodes;  ///< inputs before users
  bool is_program;
};

struct PlanGroups {
  std::vector<PlanGroup> groups;  ///< in an order in which they can run
  /// For every node, the node whose elements it renames (itself where it does not).
  std::vector<int> base;
};

/// Cuts a graph into steps. Pointwise nodes over the same shape that hand each other values come together, as
/// long as no value has to leave the group and come back; with `fuse` false every node stays alone. Groups
/// run in the order in which their last nodes were built.
PlanGroups group_nodes(const PlanGraph& graph, bool fuse);

}  // namespace nabla
