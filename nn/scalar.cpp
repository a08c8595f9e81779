#include "nn/scalar.h"

#include <vector>

namespace nabla::nn {

Tensor scalar_leaf(double value, DType dtype, const Shape& shape) {
  if (dtype == DType::f64) return tensor<double>({value}, shape);
  if (dtype == DType::f32) return tensor<float>({static_cast<float>(value)}, shape);
  throw Error("scalar_leaf: " + std::string(name_of(dtype)) + " is neither f32 nor f64");
}

}  // namespace nabla::nn
