#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/tensor/dtype.h"

namespace nabla {

/// Which primitive of the catalogue (primitives.def) one is; `custom` for those that a caller makes.
enum class Op : std::uint8_t {
#define PRIMITIVE(name, family, types, signs, per_read, per_written) name,
#include "engine/graph/primitives.def"
  custom
};

/// Primitives in the catalogue.
inline constexpr std::size_t kOpCount = static_cast<std::size_t>(Op::custom);

/// Element types, of the first operand.
enum class OperandTypes {
  floating,  ///< complex included
  real,      ///< numbers that have an order
  numeric,   ///< all but bool
  ordered,   ///< all but complex
  any,
};
constexpr bool is_one_of(OperandTypes types, DType dtype) {
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

/// What is known of the signs of a result without computing it. NaN may have any sign.
enum class Signs {
  unknown,      ///< or a matter of all operands
  nonnegative,  ///< never -0 or below 0
  of_input,     ///< elements of input 0, or +0
  root,         ///< never negative where input 0 is not, but -0 of -0
  total,        ///< sums that begin with +0
};

/// What a primitive is to whoever runs or explains steps.
enum class Family {
  pointwise,
  reduction,
  product,
  movement,
  random,
  view,    ///< shows the elements of its input in any layout, and never moves one
  shown,   ///< shows its input as it is
  source,  ///< has no input
};

/// A line of the catalogue.
struct OpFacts {
  std::string_view name;
  Family family;
  OperandTypes types;
  Signs signs;
  double flops_per_read;     ///< operations for each element of the first operand
  double flops_per_written;  ///< and for each element of the result
};
inline constexpr OpFacts kOpFacts[] = {
#define PRIMITIVE(name, family, types, signs, per_read, per_written) \
  {#name, Family::family, OperandTypes::types, Signs::signs, per_read, per_written},
#include "engine/graph/primitives.def"
    {"custom", Family::shown, OperandTypes::any, Signs::unknown, 0, 0},
};
/// The facts of an op of the catalogue, or those of a custom one: shown, of any type.
constexpr const OpFacts& facts_of(Op op) { return kOpFacts[static_cast<std::size_t>(op)]; }
/// The op of that name; `custom` if the catalogue has none.
Op op_named(std::string_view name);

/// Operands of a pointwise primitive; 0 for all others.
constexpr std::size_t operands_of(Op op) {
  switch (op) {
#define UNARY(name, ...) \
  case Op::name:         \
    return 1;
#define BINARY(name, ...) \
  case Op::name:          \
    return 2;
#define COMPARISON(name, ...) BINARY(name)
#define POINTWISE(name, operands, types) \
  case Op::name:                         \
    return operands;
#include "engine/graph/primitives.def"
    default:
      return 0;
  }
}

}  // namespace nabla
