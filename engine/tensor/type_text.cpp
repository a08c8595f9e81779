#include "engine/tensor/type_text.h"

#include "engine/tensor/tensor.h"

namespace nabla {

std::string type_text(const Shape& shape, DType dtype) {
  return to_string(shape) + " " + std::string(name_of(dtype));
}

std::string type_text(const Tensor& x) { return type_text(x.shape(), x.dtype()); }

}  // namespace nabla
