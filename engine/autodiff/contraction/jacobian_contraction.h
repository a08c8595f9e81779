#pragma once

#include <vector>

#include "engine/autodiff/contraction/elimination_order.h"
#include "engine/autodiff/contraction/linear_graph.h"

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

/// The trace [B], the diagonal [B, n] or the whole [B, rows, columns] by an order, of the first `count`
/// samples; `at_once` samples are taken in turn, but all of them where takes_all_samples. Exact,
/// differentiable, and built from ordinary operators.
Tensor contract_in_order(const ContractionPlan& plan, const EliminationOrder& order, std::int64_t at_once,
                         std::int64_t count);

/// By all samples of the plan at once.
Tensor contract_in_order(const ContractionPlan& plan, const EliminationOrder& order);

/// What is applied knows all samples, so that these cannot be taken in turn.
bool takes_all_samples(const LinearGraph& graph);

}  // namespace nabla
