#include "engine/backend/cuda/source/pointwise_expression.h"

#include "engine/backend/cuda/source/source_writer.h"
#include "engine/tensor/error.h"

namespace nabla::cuda {

std::string pointwise_expression(const Primitive& primitive, std::span<const std::string> operands,
                                 std::span<const DType> types, DType result) {
  const Op op = primitive.op();
  for (const DType dtype : types) type_name(primitive.name(), dtype);
  if (!is_one_of(facts_of(op).types, types[0]))
    throw Error(std::string(primitive.name()) + ": not supported for " + std::string(name_of(types[0])));
  if (op == Op::select) return operands[0] + " ? " + operands[1] + " : " + operands[2];
  if (op == Op::cast) return "cast_<" + type_name(primitive.name(), result) + ">(" + operands[0] + ")";
  if (operands_of(op) == 0) throw Error("cuda: no kernel for " + std::string(primitive.name()));
  std::string call = "scalar::" + std::string(primitive.name()) + "(";
  for (std::size_t i = 0; i < operands.size(); ++i) call += (i ? ", " : "") + operands[i];
  return call + ")";
}

}  // namespace nabla::cuda
