#pragma once

#include "engine/tensor/tensor.h"

namespace nabla {

/// Checks that y treats the outermost axis of x as independent samples: y[b] depends on x[b] alone, for every
/// value. The graph is followed axis by axis through what each primitive declares about itself.
/// @throws Error naming `what`, the primitive that mixes samples and the source line that built it.
void require_samplewise(const char* what, const Tensor& y, const Tensor& x);

}  // namespace nabla
