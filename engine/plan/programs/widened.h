#pragma once

#include "engine/plan/canonical/plan_graph.h"

namespace nabla {

/// A large cast of a leaf to a type at least twice as wide: reading the leaf again takes less memory and
/// traffic than keeping the copy.
bool is_widened_leaf(const PlanGraph& graph, int node);

/// Is a value made, by few pointwise nodes, of widened leaves and what is small beside them?
bool is_of_widened_leaves(const PlanGraph& graph, int node);

}  // namespace nabla
