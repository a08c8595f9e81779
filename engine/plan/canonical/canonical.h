#pragma once

#include "engine/plan/canonical/plan_graph.h"

namespace nabla {

/// The same results with less to compute:
///   - equal nodes, with operands of commutative primitives in any order, are one, and so are chains of views
///     (rewrite_views.h);
///   - stop_gradient, factors of 1, zeros, signs and casts that change nothing are gone
///     (rewrite_pointwise.h);
///   - what is made of constants alone is a constant, zeros through views and sums among them
///     (constant_folding.h);
///   - a product with rows of the identity is a view of the other operand (the first layer of one-hot
///     tangents), the trace or diagonal of a product, read off by rows of the identity, is summed without
///     forming the product, and operands of products are not repeated (rewrite_products.h).
/// Values keep their bits, but sums of products may be taken in another order. It takes time linear in the
/// size of the graph.
PlanGraph canonical(const PlanGraph& graph);

}  // namespace nabla
