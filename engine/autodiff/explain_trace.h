#pragma once

#include <string>

#include "engine/autodiff/jacobian.h"

namespace nabla {

/// How `divergence` would compute the trace of a sample-wise field at x: the linear pieces of its Jacobian,
/// what each way takes (operations, bytes of the largest matrices of the samples), and which is chosen and
/// why. Nothing is computed. @throws Error as divergence does.
std::string explain_divergence(const Field& v, const Tensor& x, const JacobianOptions& options = {});

}  // namespace nabla
