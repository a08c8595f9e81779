#pragma once

#include <string>

#include "engine/plan/plan.h"

namespace nabla {

/// What a run takes and the largest blocks of it, a line each: for whoever has to find out why memory did not
/// suffice.
std::string memory_table(const Plan& plan);

}  // namespace nabla
