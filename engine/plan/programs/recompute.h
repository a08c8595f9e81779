#pragma once

#include <vector>

#include "engine/plan/programs/fusion.h"

namespace nabla {

/// Where every reader of a large pointwise value reads its operands anyway, computing it again takes no
/// memory traffic, and keeping it for them takes some (the sigmoid of a silu, from forward to backward): it
/// joins its readers' programs. So does a large cast of a leaf of a narrow type, which is read instead.
/// `group_of` names the group of every node, -1 for leaves.
void recompute_at_readers(const PlanGraph& graph, const std::vector<int>& group_of, PlanGroups& groups);

}  // namespace nabla
