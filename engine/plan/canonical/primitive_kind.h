#pragma once

#include "engine/plan/canonical/plan_graph.h"

namespace nabla {

/// What the canonical form treats by name; all else is `other`.
enum class PrimitiveKind : unsigned char {
  leaf,
  other,
  constant,
  stop_gradient,
  // Pointwise.
  neg,
  add,
  sub,
  mul,
  div,
  max,
  min,
  abs,
  sign,
  square,
  sqrt,
  rsqrt,
  reciprocal,
  exp,
  sigmoid,
  equal,
  not_equal,
  select,
  cast,
  // Views and moves.
  insert_axes,
  drop_axes,
  reshape,
  permute,
  broadcast,
  slice,
  flip,
  pad,
  concatenate,
  gather,
  // Sums.
  sum,
  cumsum,
  reduce_max,
  reduce_min,
  softmax,
  contraction,
};

PrimitiveKind kind_of(const PlanNode& node);
/// The primitive of a kind that has one.
const Primitive& primitive_of(PrimitiveKind kind);

/// A view that shows any layout without moving elements, which reshape may have to.
bool is_strided_view(PrimitiveKind kind);
/// Does the primitive give the same for its two operands in either order?
bool is_commutative(PrimitiveKind kind);

}  // namespace nabla
