#pragma once

#include "examples/jacobian_inspect/results.h"

namespace nabla::jacobian_inspect {

/// Writes report.html and metrics.json to the run's directory, each all at once. @throws Error.
void write_outputs(const Results& results);

}  // namespace nabla::jacobian_inspect
