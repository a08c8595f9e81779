#pragma once

#include <optional>
#include <vector>

#include "engine/plan/canonical/canonical_graph.h"

namespace nabla {

/// A chain of views as one: axes of extent 1 that come and go, reshapes, permutations, slices of one axis and
/// repetitions one after the other. Nothing where the node is no view of a view. The elements lie as they
/// did.
std::optional<int> collapsed_view(CanonicalGraph& graph, const PlanNode& node);

/// The operand's axis, from the left, that each axis of a permute node shows.
std::vector<int> axes_shown(const PlanNode& permute);

// Views as nodes; their lines are those of `like`, and where they would show the operand as it is they are
// the operand.

/// With other axes of extent 1.
int renamed(CanonicalGraph& graph, int operand, const Shape& shape, const PlanNode& like);
/// Elements start .. stop of an axis, from the left.
int sliced(CanonicalGraph& graph, int operand, int axis, std::int64_t start, std::int64_t stop,
           const PlanNode& like);
/// Axis i of the result shows axis order[i] of the operand, from the left.
int permuted(CanonicalGraph& graph, int operand, const std::vector<int>& order, const PlanNode& like);
/// Repeated along axes of extent 1.
int repeated(CanonicalGraph& graph, int operand, const Shape& shape, const PlanNode& like);

}  // namespace nabla
