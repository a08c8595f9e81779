#pragma once

#include <vector>

#include "engine/backend/tile_program.h"

namespace nabla::cpu {

/// Which register holds which value of a tile program.
struct TileRegisters {
  std::vector<int> of_value;  ///< -1 for what is read from or stored to memory
  int count = 0;
};

/// How an input comes to its instructions: straight from memory, or through a register that is loaded for
/// every tile, or for many tiles at once and never given away.
enum class Loaded { no, for_tile, for_task };

/// Registers by lifetimes; a register is free again at its last use, for a result of the same size.
TileRegisters assign_registers(const TileProgram& program, const std::vector<Loaded>& loaded);

}  // namespace nabla::cpu
