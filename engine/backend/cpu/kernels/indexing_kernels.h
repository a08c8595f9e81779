#pragma once

#include "engine/backend/cpu/kernels/kernels.h"

namespace nabla::cpu {

// The kernels of the primitives of these names (engine/ops/indexing.h). An index outside its axis is an
// Error.
void gather(const KernelCall& call);
void scatter_add(const KernelCall& call);
void argmax(const KernelCall& call);
void argsort(const KernelCall& call);

}  // namespace nabla::cpu
