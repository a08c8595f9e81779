#pragma once

#include <optional>

#include "engine/plan/canonical/canonical_graph.h"

namespace nabla {

/// The value of all elements of a node with inputs, if that follows from values of its inputs that are known:
/// pointwise primitives of constants, views of them, and what moves or adds zeros. Computed by the backend,
/// so that the bits are those of the step. Not a NaN, whose step NaN mode names, and not where the kernel may
/// refuse its data.
std::optional<double> folded_value(const CanonicalGraph& graph, const PlanNode& node);

}  // namespace nabla
