#pragma once

#include <string>
#include <vector>

#include "engine/autodiff/contraction/linear_map.h"

namespace nabla {

/// A linear map of samples as a graph of simpler ones: what the tangent of a sample-wise field is.
/// Vertices are vectors of each sample, in an order in which edges go upwards.
struct LinearGraph {
  struct Edge {
    int from, to;
    LinearMap map;
  };
  /// What is not formed: the primitive with the line that built it, and why no matrix stands for it.
  struct Applied {
    std::string node, reason;
    bool operator==(const Applied&) const = default;
  };
  std::vector<std::int64_t> sizes;  ///< elements of a vertex, for one sample
  std::vector<Edge> edges;
  int argument = 0, result = 0;  ///< vertices
  std::int64_t samples = 0;
  DType dtype = DType::f32;      ///< of all maps: f64 if any step of the field is
  std::vector<Applied> applied;  ///< each once, in the order of the edges
};

/// Larger matrices of constant operators (a permutation of a large picture) are not formed but applied.
inline constexpr std::int64_t kMostMatrixElements = std::int64_t{1} << 26;

/// The derivative of y by x at x, both [B, ..] and y sample-wise (require_samplewise), taken from the graph
/// that jvp builds for a symbolic tangent. Products of constants are not made yet. Operators whose matrices
/// have more than `matrix_elements` elements, those of all samples together where they differ, and those
/// whose structure is not known, are applied. A chain of pointwise steps is one factor, in which a select
/// drops NaN and infinities as it does from tangents; where several ways lead into the select they remain, as
/// in reverse mode.
LinearGraph linear_graph(const Tensor& y, const Tensor& x,
                         std::int64_t matrix_elements = kMostMatrixElements);

}  // namespace nabla
