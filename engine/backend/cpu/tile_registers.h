#pragma once

#include <vector>

#include "engine/backend/tile_program.h"

namespace nabla::cpu {

/// Which register holds which value of a tile program.
struct TileRegisters {
  std::vector<int> of_value;  ///< -1 for what is read from or stored to memory
  int count = 0;
};

/// Registers by lifetimes; a register is free again at its last use, for a result of the same size. `loaded`
/// tells which inputs are brought into registers before the first instruction.
TileRegisters assign_registers(const TileProgram& program, const std::vector<bool>& loaded);

}  // namespace nabla::cpu
