#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/graph/primitive.h"

namespace nabla {

/// Pointwise primitives in single-assignment form, computed together for every element of one shape, so that
/// what one hands to the next never reaches memory. Values 0 .. inputs-1 are read; instruction i makes value
/// inputs + i.
struct TileProgram {
  struct Instruction {
    const Primitive* primitive;
    std::array<int, 3> operands;  ///< values; as many as the primitive has
    int operand_count;
  };

  int inputs = 0;
  std::vector<DType> dtypes;  ///< of all values
  std::vector<Instruction> instructions;
  std::vector<int> outputs;  ///< values that are stored

  int add(const Primitive& primitive, std::span<const int> operands, DType dtype);
};

}  // namespace nabla
