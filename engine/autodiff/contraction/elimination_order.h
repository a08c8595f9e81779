#pragma once

#include <string>
#include <vector>

#include "engine/autodiff/contraction/counted_values.h"

namespace nabla {

/// A linear map as a graph of simpler ones, of which no tensor is known.
struct EliminationGraph {
  struct Edge {
    int from, to;
    std::vector<CountedMap> terms;
  };
  std::vector<std::int64_t> sizes;  ///< elements of each vertex
  std::vector<Edge> edges;
  int argument = 0, result = 0;
  EliminationGoal goal = EliminationGoal::trace;
  std::int64_t samples = 1;
};

struct EliminationOrder {
  std::string name;           ///< "forward", "reverse", "cut at 64" or "searched"
  bool is_cut = false;        ///< does it start at the narrowest vertex?
  std::vector<int> vertices;  ///< all but the result, and but the argument where the goal is not a trace
  EliminationCost cost;
};

/// Orders in which the vertices can be eliminated, the cheapest first: one searched (exactly for up to 11
/// vertices that cost anything, by a beam up to 40, not beyond), forward and reverse mode, and the narrowest
/// cut. Orders are cached by structure.
std::vector<EliminationOrder> elimination_orders(const EliminationGraph& graph);

/// The graph without the vertices that cost next to nothing in any order, of which it keeps the numbers;
/// argument and result stay.
EliminationGraph without_trivial_vertices(const EliminationGraph& graph);

}  // namespace nabla
