#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/plan/plan.h"

// Where the values of a plan live. Passes over its steps; values and storages are named by index.

namespace nabla {

/// Sets the last step of every storage; outputs are needed to the end.
void find_lifetimes(std::span<const PlanStep> steps, std::span<const PlanValue> values,
                    std::span<const int> outputs, std::vector<PlanStorage>& storages);

/// Lets the results of programs take over the memory of inputs that are read for the last time: of
/// temporaries, and of donated leaves once no step can fail any more.
void reuse_in_place(std::span<const PlanStep> steps, std::vector<PlanValue>& values,
                    std::vector<PlanStorage>& storages);

/// Gives every temporary its offset in one block, such that those alive at the same time do not overlap, and
/// returns the size of the block. Where all together take no more than `most_unshared` bytes none overlap.
std::size_t place_in_arena(std::vector<PlanStorage>& storages, std::size_t most_unshared);

}  // namespace nabla
