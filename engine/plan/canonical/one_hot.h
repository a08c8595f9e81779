#pragma once

#include <optional>

#include "engine/plan/canonical/plan_graph.h"

namespace nabla {

/// Integers that are affine in the indices: offset + sum of stride * index, kept as a layout, so that views
/// of the node are views of it.
using AffineIndex = std::optional<Layout>;

/// What is known of a node whose elements follow from their indices.
struct IndexFacts {
  AffineIndex value;  ///< the elements themselves (iota and its views)
  AffineIndex
      zero_at;  ///< the elements are 1 where this is 0, and 0 elsewhere (rows of an identity and their views)
};

/// The facts of a node from those of its inputs.
IndexFacts index_facts(const PlanGraph& graph, const PlanNode& node, const std::vector<IndexFacts>& known);

/// Rows of an identity along two axes: 1 where index[column] = index[row] + offset. All other extents are 1,
/// and every row has its 1.
struct OneHot {
  int row, column;  ///< axes from the left
  std::int64_t offset;
};
/// The node as one-hot rows along the given axis, if it is that.
std::optional<OneHot> one_hot_rows(const IndexFacts& facts, int row);

}  // namespace nabla
