#pragma once

#include "examples/posterior_components/results.h"

namespace nabla::posterior_components {

/// Trains or loads, and finds the components, with progress on stderr. @throws Error if the data or the
/// checkpoint cannot be read, or the checkpoint's field tells no posterior.
Results run(const Options& options);

}  // namespace nabla::posterior_components
