#pragma once

#include "examples/posterior_components/results.h"

namespace nabla::posterior_components {

/// Writes report.html, metrics.json and the PNG files to the run's directory, each all at once. @throws
/// Error.
void write_outputs(const Results& results);

}  // namespace nabla::posterior_components
