#pragma once

#include "engine/backend/cpu/kernels/kernels.h"

namespace nabla::cpu {

/// The kernel of `sum` for element type T; attributes are the summed axes.
template <class T>
void sum(const KernelCall& call);

}  // namespace nabla::cpu
