#include "engine/backend/tile_program.h"

#include <algorithm>
#include <string>

#include "engine/tensor/error.h"

namespace nabla {

int TileProgram::add(const Primitive& primitive, std::span<const int> operands, DType dtype, bool is_folded) {
  if (operands.size() > kMostOperands)
    throw Error("a program: " + std::string(primitive.name()) + " has " + std::to_string(operands.size()) +
                " operands, more than " + std::to_string(kMostOperands));
  Instruction instruction{&primitive, {}, static_cast<int>(operands.size())};
  std::ranges::copy(operands, instruction.operands.begin());
  instructions.push_back(instruction);
  dtypes.push_back(dtype);
  folded.resize(dtypes.size(), false);
  folded.back() = is_folded;
  return static_cast<int>(dtypes.size()) - 1;
}

}  // namespace nabla
