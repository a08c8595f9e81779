#include "engine/backend/cuda/source/tile/tile_folds.h"

namespace nabla::cuda {

StepSource tile_source(const TileProgram& program, const Shape& shape, std::span<const Layout> inputs) {
  const TileTerms terms = tile_terms(program);
  if (shape.size() == 0) return {};
  switch (program.fold) {
    case TileProgram::Fold::rows:
      return {{tile_rows(terms, shape, inputs, program.folded_axes)}, 0};
    case TileProgram::Fold::tangents:
      return {{tile_tangents(terms, shape, inputs, program.folded_axes)}, 0};
    case TileProgram::Fold::none:
      break;
  }
  return {{tile_places(terms, shape, inputs)}, 0};
}

}  // namespace nabla::cuda
