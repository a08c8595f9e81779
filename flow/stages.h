#pragma once

#include <span>

#include "engine/tensor/tensor.h"

namespace nabla::flow {

/// The sum of weights[i] slopes[i] over the weights that are not 0, which stages of Runge-Kutta methods are
/// made of. There may be more weights than slopes if the rest are 0; empty if all are.
Tensor combine(std::span<const double> weights, std::span<const Tensor> slopes);

}  // namespace nabla::flow
