#pragma once

#include "engine/tensor/tensor.h"

namespace nabla::nn {

/// Samples x [B, C H W] or [B, C, H, W] as pictures [B, C, H, W], for `picture` [C, H, W]: fields of flow and
/// their derivatives take samples of either form. @throws Error naming `what` for another shape.
Tensor as_pictures(const char* what, const Tensor& x, const Shape& picture);

}  // namespace nabla::nn
