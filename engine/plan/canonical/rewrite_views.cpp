#include "engine/plan/canonical/rewrite_views.h"

#include <numeric>

namespace nabla {

std::vector<int> axes_shown(const PlanNode& permute) {
  const int rank = permute.shape.rank();
  std::vector<int> order(rank);
  std::iota(order.begin(), order.end(), 0);
  const std::size_t first = order.size() - permute.attributes.size();
  for (std::size_t i = first; i < order.size(); ++i)
    order[i] = rank + static_cast<int>(permute.attributes[i - first]);
  return order;
}

namespace {

// The node behind insert_axes, drop_axes and reshapes that move no elements.
int root_of(const CanonicalGraph& graph, int node) {
  for (;;) {
    const Op op = graph.op(node);
    if (op != Op::insert_axes && op != Op::drop_axes && op != Op::reshape) return node;
    const int input = graph[node].inputs[0];
    if (op == Op::reshape && !graph.facts(input).is_dense) return node;
    node = input;
  }
}

// Axes of extent 1 dropped, then inserted.
int with_other_axes(CanonicalGraph& graph, int operand, const Shape& shape, const PlanNode& like) {
  const Shape from = graph[operand].shape;
  // From the right: what does not match has extent 1 on one of the sides.
  Axes dropped, inserted;
  int i = from.rank() - 1;
  int j = shape.rank() - 1;
  while (i >= 0 || j >= 0) {
    if (i >= 0 && j >= 0 && from[i] == shape[j]) {
      --i, --j;
    } else if (i >= 0 && from[i] == 1) {
      dropped.push_back(i-- - from.rank());
    } else {
      inserted.push_back(j-- - shape.rank());
    }
  }
  dropped.sort();
  inserted.sort();
  if (!dropped.empty()) {
    Shape rest;
    for (int axis = 0; axis < from.rank(); ++axis)
      if (!dropped.contains(axis - from.rank())) rest.push_back(from[axis]);
    operand = graph.intern(Op::drop_axes, Attributes(dropped), {operand}, rest, like.dtype, like);
  }
  if (inserted.empty()) return operand;
  return graph.intern(Op::insert_axes, Attributes(inserted), {operand}, shape, like.dtype, like);
}

// What insert_axes, drop_axes and a reshape of elements in order make of the root.
int reshaped(CanonicalGraph& graph, int root, const Shape& shape, const PlanNode& like) {
  const Shape& from = graph[root].shape;
  if (squeezed(from) == squeezed(shape)) return with_other_axes(graph, root, shape, like);
  return graph.intern(Op::reshape, Attributes({from.rank()}, shape.extents()), {root}, shape, like.dtype,
                      like);
}

// Are the axes with an extent in their old order?
bool keeps_order(const std::vector<int>& order, const Shape& operand) {
  int last = -1;
  for (const int axis : order) {
    if (operand[axis] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

int collapsed_permute(CanonicalGraph& graph, const PlanNode& node) {
  std::vector<int> order = axes_shown(node);
  int operand = node.inputs[0];
  if (graph.op(operand) == Op::permute) {
    const std::vector<int> inner = axes_shown(graph[operand]);
    for (int& axis : order) axis = inner[axis];
    operand = graph[operand].inputs[0];
  }
  return permuted(graph, operand, order, node);
}

std::optional<int> collapsed_slice(CanonicalGraph& graph, const PlanNode& node) {
  const PlanNode& inner = graph[node.inputs[0]];
  const Attributes& outer = node.attributes;
  if (graph.op(node.inputs[0]) != Op::slice || inner.attributes[0] != outer[0]) return std::nullopt;
  const Attributes& a = inner.attributes;
  const std::int64_t start = a[1] + outer[1] * a[3];
  const std::int64_t step = a[3] * outer[3];
  const std::int64_t last = start + (node.shape[static_cast<int>(outer[0])] - 1) * step;
  return graph.intern(Op::slice, {outer[0], start, last + 1, step}, {inner.inputs[0]}, node.shape, node.dtype,
                      node);
}

}  // namespace

std::optional<int> collapsed_view(CanonicalGraph& graph, const PlanNode& node) {
  const int input = node.inputs[0];
  switch (node.op()) {
    case Op::reshape:
      // Axes of extent 1 come and go whatever the strides are.
      if (!graph.facts(input).is_dense && !(squeezed(graph[input].shape) == squeezed(node.shape)))
        return std::nullopt;
      return reshaped(graph, root_of(graph, input), node.shape, node);
    case Op::insert_axes:
    case Op::drop_axes:
      return reshaped(graph, root_of(graph, input), node.shape, node);
    case Op::permute:
      return collapsed_permute(graph, node);
    case Op::slice:
      return collapsed_slice(graph, node);
    case Op::broadcast:
      if (graph.op(input) != Op::broadcast) return std::nullopt;
      return repeated(graph, graph[input].inputs[0], node.shape, node);
    case Op::flip:
      if (graph.op(input) != Op::flip || !(graph[input].attributes == node.attributes)) return std::nullopt;
      return graph[input].inputs[0];
    default:
      return std::nullopt;
  }
}

int renamed(CanonicalGraph& graph, int operand, const Shape& shape, const PlanNode& like) {
  return reshaped(graph, root_of(graph, operand), shape, like);
}

int sliced(CanonicalGraph& graph, int operand, int axis, std::int64_t start, std::int64_t stop,
           const PlanNode& like) {
  Shape shape = graph[operand].shape;
  if (start == 0 && stop == shape[axis]) return operand;
  const int from_right = axis - shape.rank();
  shape[axis] = stop - start;
  return graph.intern(Op::slice, {from_right, start, stop, 1}, {operand}, shape, like.dtype, like);
}

int permuted(CanonicalGraph& graph, int operand, const std::vector<int>& order, const PlanNode& like) {
  const Shape& from = graph[operand].shape;
  const int rank = from.rank();
  Shape shape;
  for (const int axis : order) shape.push_back(from[axis]);
  if (keeps_order(order, from)) return renamed(graph, operand, shape, like);
  // Outermost axes that stay in place are no part of a permutation.
  Axes moved;
  for (int i = 0; i < rank; ++i)
    if (!moved.empty() || order[i] != i) moved.push_back(order[i] - rank);
  return graph.intern(Op::permute, Attributes(moved), {operand}, shape, like.dtype, like);
}

int repeated(CanonicalGraph& graph, int operand, const Shape& shape, const PlanNode& like) {
  const Shape& from = graph[operand].shape;
  std::vector<std::int64_t> pairs;
  for (int axis = -shape.rank(); axis < 0; ++axis)
    if (from[axis] != shape[axis]) pairs.insert(pairs.end(), {axis, shape[axis]});
  if (pairs.empty()) return operand;
  return graph.intern(Op::broadcast, Attributes({}, pairs), {operand}, shape, like.dtype, like);
}

}  // namespace nabla
