#pragma once

#include <vector>

#include "engine/backend/tile_program.h"

namespace nabla::cpu {

/// A program over rows in which a value that is one for each row is spread over it before it meets values
/// that vary along it: by an instruction without a primitive. Inputs for which `is_uniform` holds need none.
TileProgram with_spreads(const TileProgram& program, const std::vector<bool>& is_uniform);

}  // namespace nabla::cpu
