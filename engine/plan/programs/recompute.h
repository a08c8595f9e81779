#pragma once

#include <vector>

#include "engine/plan/programs/fusion.h"

namespace nabla {

/// A large pointwise value joins the programs of its readers, where it is computed again rather than kept
/// (sigmoid and slope of a silu and what they are of, from forward to backward), if that takes a few
/// instructions and no more memory traffic: of their operands the readers have all but one, or they are
/// small, and that one is needed until then anyway. So does a large cast of a leaf of a narrow type, which is
/// read instead. `group_of` names the group of every node, -1 for leaves. What nobody reads any more stays
/// in its group.
void recompute_at_readers(const PlanGraph& graph, const std::vector<int>& group_of, PlanGroups& groups);

}  // namespace nabla
