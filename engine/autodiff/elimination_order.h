#pragma once

#include <string>
#include <vector>

#include "engine/autodiff/linear_map.h"

namespace nabla {

/// What is known of a term of an edge before any element is: LinearMap without its tensors.
struct MapForm {
  MapKind kind;
  std::int64_t rows, columns;
  bool scaled_left = false, scaled_right = false;  ///< by diagonals of each sample
};

/// Floating-point operations of a trace, and elements that it holds.
struct EliminationCost {
  double once = 0;        ///< operations on what all samples share
  double per_sample = 0;  ///< operations for each sample
  double elements = 0;    ///< of the largest matrices of a sample that are there at once
  double total(std::int64_t samples) const { return once + per_sample * static_cast<double>(samples); }
};

struct EliminationGraph {
  struct Edge {
    int from, to, grade;
    std::vector<MapForm> terms;
  };
  int vertices = 0;
  std::vector<Edge> edges;
  std::int64_t samples = 1;
};

struct EliminationOrder {
  std::string name;  ///< "forward", "reverse", "cut at 64" or "searched"
  std::vector<int> vertices;
  EliminationCost cost;
};

/// Orders in which the vertices can be eliminated, the cheapest first: one searched (exactly for up to 11
/// vertices that cost anything, by a beam up to 40, not beyond), forward and reverse mode, and the narrowest
/// cut. `sizes` are the elements of each vertex. Orders of a structure that was searched before are found
/// again.
std::vector<EliminationOrder> elimination_orders(const EliminationGraph& graph,
                                                 const std::vector<std::int64_t>& sizes);

/// What an order costs.
EliminationCost elimination_cost(const EliminationGraph& graph, const std::vector<int>& order);

}  // namespace nabla
