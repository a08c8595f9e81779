#include "engine/tensor/tensor.h"

#include "engine/graph/node.h"

namespace nabla {

void Tensor::throw_empty() { throw Error("tensor: the handle is empty; assign a tensor to it first"); }

const Shape& Tensor::shape() const { return node().shape(); }
DType Tensor::dtype() const { return node().dtype(); }

void Tensor::require_dtype(DType expected, const char* what) const {
  if (dtype() != expected)
    throw Error(std::string(what) + ": the tensor " + to_string(shape()) + " holds " +
                std::string(name_of(dtype())) + ", not " + std::string(name_of(expected)));
}

void Operand::throw_inexact() {
  throw Error("literal: an integer beyond 2^53 is not exact as a literal; pass a tensor");
}

std::vector<const Tensor*> Operand::temporaries() {
  std::vector<const Tensor*> found;
  for (const Operand* operand = last_temporary; operand; operand = operand->before_)
    found.push_back(operand->tensor_);
  return found;
}

const Tensor& Operand::tensor() const {
  if (!tensor_) throw Error("operator: a literal stands where a tensor is needed");
  return *tensor_;
}

}  // namespace nabla
