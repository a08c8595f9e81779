#pragma once

#include <vector>

#include "engine/autodiff/elimination_order.h"
#include "engine/autodiff/jacobian.h"
#include "engine/autodiff/linear_graph.h"

namespace nabla {

/// How trace, diagonal or whole of a sample-wise linear map is best contracted.
struct ContractionPlan {
  LinearGraph graph;
  EliminationGoal goal = EliminationGoal::trace;
  std::vector<EliminationOrder> orders;  ///< the cheapest first
};

ContractionPlan plan_contraction(LinearGraph graph, EliminationGoal goal);

/// The forms of the plan's pieces.
EliminationGraph elimination_graph(const ContractionPlan& plan);

/// Operations of D tangents pushed through the graph one-hot, or of D' cotangents pulled back; of the last
/// product only the diagonal is taken, unless the whole is asked for.
double forward_operations(const LinearGraph& graph, EliminationGoal goal);
double reverse_operations(const LinearGraph& graph, EliminationGoal goal);

/// The order by which the method contracts: the cheapest for contraction, the narrowest cut for loop_cut, and
/// for automatic the cheapest if it takes clearly fewer operations than tangents and cotangents and, where
/// samples cannot be taken in turn, fits into `bytes`. nullptr where tangents are pushed instead.
const EliminationOrder* chosen_order(const ContractionPlan& plan, JacobianMethod method,
                                     std::int64_t bytes = JacobianOptions{}.tangent_bytes);

/// The trace [B], the diagonal [B, n] or the whole [B, rows, columns] of each sample by one of the plan's
/// orders; samples are taken in chunks whose matrices fit into `bytes`, but all at once where a piece is
/// applied. Exact, differentiable, and built from ordinary operators.
Tensor contract_in_order(const ContractionPlan& plan, const EliminationOrder& order, std::int64_t bytes);

}  // namespace nabla
