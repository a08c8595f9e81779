#pragma once

#include "examples/jacobian_inspect/results.h"

namespace nabla::jacobian_inspect {

/// Trains or loads, takes the Jacobians and times the divergences, with progress on stderr. @throws Error if
/// the data or the checkpoint cannot be read.
Results run(const Options& options);

}  // namespace nabla::jacobian_inspect
