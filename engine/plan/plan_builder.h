#pragma once

#include "engine/plan/canonical/plan_key.h"
#include "engine/plan/plan_cache.h"

namespace nabla {

/// Makes the plan for a schedule. `optimised` fuses pointwise steps and lets results take over the memory of
/// values that nobody needs any more; without it every node is one step of its own.
/// @throws Error if an output depends on a variable that has no value.
CachedPlan build_plan(const Schedule& schedule, std::span<const Tensor> outputs, bool optimised);

/// The same plan without kernels, to be read and not run; variables stand for values.
std::shared_ptr<const Plan> plan_to_read(const Schedule& schedule, std::span<const Tensor> outputs,
                                         bool optimised);

}  // namespace nabla
