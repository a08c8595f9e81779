#pragma once

#include "engine/backend/cuda/source/kernel_source.h"

namespace nabla::cuda {

// The kernels of a step of each primitive that has some: `name`_source, for the lines of the catalogue that
// ask for it.
// @throws Error if there is no kernel for the types.
#define STEP(name, ...) StepSource name##_source(const StepDescription& step);
#define ROWS(name, ...) STEP(name)
#include "engine/graph/primitives.def"

/// Elements of any layout to dense ones.
StepSource copy_source(const StepDescription& step);

}  // namespace nabla::cuda
