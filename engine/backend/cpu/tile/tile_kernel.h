#pragma once

#include <memory>
#include <span>

#include "engine/backend/backend.h"

namespace nabla::cpu {

/// The interpreter of tile programs: see Backend::compile.
std::unique_ptr<const StepKernel> make_tile_kernel(const TileProgram& program, const Shape& shape,
                                                   std::span<const Layout> inputs);

}  // namespace nabla::cpu
