#pragma once

#include <string>
#include <vector>

#include "engine/autodiff/linear_map.h"

namespace nabla {

/// A linear map of samples as a graph of simpler ones: what the tangent of a sample-wise field is.
/// Vertices are vectors of each sample, in an order in which edges go upwards.
struct LinearGraph {
  struct Edge {
    int from, to;
    LinearMap map;
  };
  std::vector<std::int64_t> sizes;  ///< elements of a vertex, for one sample
  std::vector<Edge> edges;
  int argument = 0, result = 0;  ///< vertices
  std::int64_t samples = 0;
  DType dtype = DType::f32;
  /// Why it is not whole: a primitive that can only be applied, and the line that built it. Empty where every
  /// edge is known.
  std::string opaque;
};

/// The derivative of y by x at x, both [B, ..] and y sample-wise (require_samplewise), taken from the graph
/// that jvp builds for a symbolic tangent. Products of constants are not made yet.
LinearGraph linear_graph(const Tensor& y, const Tensor& x);

}  // namespace nabla
