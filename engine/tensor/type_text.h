#pragma once

#include <string>

#include "engine/tensor/dtype.h"
#include "engine/tensor/shape.h"

namespace nabla {

class Tensor;

/// Writes what a tensor is, as in "[2, 3] f32".
std::string type_text(const Shape& shape, DType dtype);
std::string type_text(const Tensor& x);

}  // namespace nabla
