#pragma once

#include "examples/digits/results.h"

namespace nabla::digits {

/// Trains, samples and measures, with progress on stderr. @throws Error if the data cannot be read.
Results run(const Options& options);

}  // namespace nabla::digits
