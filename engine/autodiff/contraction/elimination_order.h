#pragma once

#include <string>
#include <vector>

#include "engine/autodiff/contraction/linear_map.h"

namespace nabla {

/// How a side of a map is scaled for each sample: not at all, by one number, or element by element.
enum class Scale { none, uniform, elements };

/// What is known of a term of an edge before any element is: LinearMap without its tensors.
struct MapForm {
  MapKind kind;
  std::int64_t rows, columns;
  /// Of low rank: none where that side is the same for all samples, else elements.
  Scale left = Scale::none, right = Scale::none;
  std::int64_t rank = 0;  ///< of low rank
  double operations = 0;  ///< of one vector, where it is applied
};

/// What is asked of a linear map.
enum class EliminationGoal { trace, diagonal, whole };

/// Floating-point operations of an elimination, as far as sizes tell: a search compares orders by them. What
/// a plan takes is another matter (jacobian_ways.h).
struct EliminationCost {
  double once = 0;        ///< operations on what all samples share
  double per_sample = 0;  ///< operations for each sample
  double total(std::int64_t samples) const { return once + per_sample * static_cast<double>(samples); }
};

struct EliminationGraph {
  struct Edge {
    int from, to;
    std::vector<MapForm> terms;
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
/// cut. Orders of a structure that was searched before are found again.
std::vector<EliminationOrder> elimination_orders(const EliminationGraph& graph);

/// The graph without the vertices that cost next to nothing in any order, of which it keeps the numbers;
/// argument and result stay.
EliminationGraph without_trivial_vertices(const EliminationGraph& graph);

}  // namespace nabla
