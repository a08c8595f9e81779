#pragma once

#include <string>

#include "engine/autodiff/contraction/elimination_order.h"

namespace nabla {

/// The graph as one SVG element: boxes are vectors with their number of elements, from the argument on the
/// left to the result on the right, lines the maps between them. With an order, circles say when a vector is
/// eliminated. Vectors that cost nothing in any order are left out.
std::string draw_elimination(const EliminationGraph& graph, const EliminationOrder* order);

}  // namespace nabla
