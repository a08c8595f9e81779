#pragma once

#include <vector>

#include "engine/plan/programs/fusion.h"

namespace nabla {

/// Brings groups into an order in which they can run: that in which their last nodes were built, so that code
/// which works in chunks runs in chunks. With `early_frees` a group that gives more memory back than it takes
/// runs as soon as it can (an optimizer's update right behind the gradient it consumes), and one that was
/// built long before it is needed may wait for its first user, if that lowers the peak of temporaries.
/// `group_of` names the group of every node, -1 for leaves.
void order_groups(const PlanGraph& graph, const std::vector<int>& group_of, PlanGroups& groups,
                  bool early_frees);

}  // namespace nabla
