#include "engine/graph/op.h"

namespace nabla {
namespace {

constexpr OpFacts kFacts[] = {
#define PRIMITIVE(name, family, types, signs, per_read, per_written) \
  {#name, Family::family, OperandTypes::types, Signs::signs, per_read, per_written},
#include "engine/graph/primitives.def"
    {"custom", Family::shown, OperandTypes::any, Signs::unknown, 0, 0},
};

}  // namespace

const OpFacts& facts_of(Op op) { return kFacts[static_cast<std::size_t>(op)]; }

Op op_named(std::string_view name) {
  std::size_t op = 0;
  while (op < kOpCount && kFacts[op].name != name) ++op;
  return static_cast<Op>(op);
}

bool is_one_of(OperandTypes types, DType dtype) {
  switch (types) {
    case OperandTypes::floating:
      return is_floating(dtype);
    case OperandTypes::real:
      return dtype != DType::boolean && dtype != DType::c128;
    case OperandTypes::numeric:
      return dtype != DType::boolean;
    case OperandTypes::ordered:
      return dtype != DType::c128;
    case OperandTypes::any:
      break;
  }
  return true;
}

}  // namespace nabla
