#pragma once

#include "engine/ops/pointwise.h"

namespace nabla::nn {

/// x (1 + scale) + shift: features modulated by numbers that follow from something else, where 0 changes
/// nothing (Perez et al., "FiLM", arXiv 1709.07871, equation 2, with gamma = 1 + scale). All broadcast.
inline Tensor modulate(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  return x * (1 + scale) + shift;
}

}  // namespace nabla::nn
