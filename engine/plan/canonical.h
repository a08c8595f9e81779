#pragma once

#include "engine/plan/plan_graph.h"

namespace nabla {

/// The same results with less to compute:
///   - stop_gradient, factors of 1, subtracted zeros and double negation are gone; equal nodes, with operands
///   of commutative
///     primitives in any order, are one;
///   - a product with rows of the identity is a view of the other operand (the first layer of one-hot
///   tangents);
///   - the trace or diagonal of a product a w, read off by rows of the identity, is summed from a and w
///   directly: the
///     product is never formed.
/// Pointwise values keep their bits; sums of products may be taken in another order.
PlanGraph canonical(const PlanGraph& graph);

/// Is this one of the primitives from which rows of the identity are built? What is made of them alone costs
/// next to nothing as long as canonical() sees it.
bool builds_identity(const Primitive& primitive);

}  // namespace nabla
