#pragma once

#include <string>
#include <vector>

#include "engine/autodiff/elimination_order.h"
#include "engine/autodiff/linear_graph.h"

namespace nabla {

/// How the trace of a sample-wise linear map is best contracted.
struct TracePlan {
  LinearGraph graph;
  std::vector<EliminationOrder> orders;  ///< the cheapest first; empty where the graph is opaque
};

TracePlan plan_trace(LinearGraph graph);

/// Operations of D tangents pushed through the graph, one-hot at first and with only the diagonal taken at
/// last.
double forward_operations(const LinearGraph& graph);

/// Does the contraction take clearly fewer operations than D tangents?
bool is_worth_contracting(const TracePlan& plan);

/// The trace of each sample, [B], by the cheapest order; samples are taken in chunks whose matrices fit into
/// `bytes`. Exact, differentiable, and built from ordinary operators. @throws Error where the graph is
/// opaque.
Tensor contracted_trace(const TracePlan& plan, std::int64_t bytes);

}  // namespace nabla
