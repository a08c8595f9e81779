#pragma once

#include "engine/plan/canonical/canonical_graph.h"

namespace nabla {

/// Interns a pointwise node in the form that needs least, by identities of IEEE arithmetic that hold for
/// every operand to the bit (one NaN is as good as another): factors of 1, zeros that change no sign, signs
/// that a sum or a constant can take up, casts that lose nothing, selections whose outcome is known. Returns
/// the node, or the one that has its elements already.
int rewrite_pointwise(CanonicalGraph& graph, PlanNode node);

}  // namespace nabla
