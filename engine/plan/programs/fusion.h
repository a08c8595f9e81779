#pragma once

#include <vector>

#include "engine/plan/canonical/plan_graph.h"
#include "engine/plan/programs/program_shape.h"

namespace nabla {

/// A program beyond this gains nothing more.
inline constexpr std::size_t kMostInstructions = 64;

/// Nodes that one step computes: a tile program, or a single other node.
struct PlanGroup {
  std::vector<int> nodes;  ///< ascending: inputs before users
  bool is_program;
  ProgramShape program;

  bool contains(int node) const;
};

struct PlanGroups {
  std::vector<PlanGroup> groups;  ///< in an order in which they can run
  /// For every node, the node whose elements it renames (itself where it does not).
  std::vector<int> base;
  /// For every node, whether a group that does not contain it reads it, or somebody asks for it.
  std::vector<bool> read;

  /// What a group reads for an input of one of its nodes: programs see through renamings.
  int source(const PlanGroup& group, int input) const { return group.is_program ? base[input] : input; }
};

/// Cuts a graph into steps. Nodes that hand each other values come together where one program can compute
/// them: pointwise ones over the same shape, and what works along whole rows or over tangents with what goes
/// in and comes out, as long as no value has to leave the group and come back. A pointwise value is
/// computed again where it is read, not kept, if that takes no memory (recompute.h): it is in several groups.
/// With `fuse` false every node stays alone. What nobody needs is left out.
PlanGroups group_nodes(const PlanGraph& graph, bool fuse);

}  // namespace nabla
