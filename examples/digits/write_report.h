#pragma once

#include "examples/digits/pictures.h"
#include "examples/digits/results.h"

namespace nabla::digits {

/// Writes report.html, metrics.json and the PNG files to the run's directory, each all at once. @throws
/// Error.
void write_outputs(const Results& results);

}  // namespace nabla::digits
