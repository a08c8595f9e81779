#pragma once

#include <span>

#include "engine/backend/cuda/source/kernel_source.h"
#include "engine/backend/cuda/source/tile/tile_terms.h"

namespace nabla::cuda {

// The kernel of a tile program over at least one element, by the way it is folded.

/// Each thread takes some adjacent places.
KernelSource tile_places(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs);

/// The innermost `axes` axes are rows; each is taken by threads of a warp, or by a block.
KernelSource tile_rows(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs, int axes);

/// The outermost `axes` axes are tangents; each thread walks them all for some adjacent places.
KernelSource tile_tangents(const TileTerms& terms, const Shape& shape, std::span<const Layout> inputs,
                           int axes);

/// As many adjacent places as 16 bytes hold of the widest type.
inline int widest_access(const TileTerms& terms) { return static_cast<int>(16 / terms.widest_in_memory()); }

}  // namespace nabla::cuda
