#include "engine/plan/canonical/one_hot.h"

namespace nabla {
namespace {

// Through a node that only renames axes of extent 1, the others keep their coefficients in their order.
Layout renamed(const Layout& from, const Shape& shape) {
  Layout result{shape, {}, from.offset};
  int axis = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    while (from.shape[axis] == 1) ++axis;
    result.strides[i] = from.strides[axis++];
  }
  return result;
}

AffineIndex view_of(const PlanGraph& graph, const PlanNode& node, const AffineIndex& input) {
  if (!input) return std::nullopt;
  if (renames_input(graph, node)) return renamed(*input, node.shape);
  // A reshape of elements in order would need them to be in order here, which coefficients are not.
  if (node.op() == Op::reshape) return std::nullopt;
  return node.primitive->view(*input, node.shape, node.attributes);
}

}  // namespace

IndexFacts index_facts(const PlanGraph& graph, const PlanNode& node, const std::vector<IndexFacts>& known) {
  if (node.is_leaf()) return {};
  // Floating types count exactly for a while only.
  if (node.op() == Op::iota) return {is_floating(node.dtype) ? AffineIndex() : Layout::dense(node.shape), {}};
  if (node.inputs.empty()) return {};
  const IndexFacts& first = known[node.inputs[0]];
  if (node.op() == Op::cast) {
    const DType from = graph[node.inputs[0]].dtype;
    if (from == DType::boolean) return {{}, first.zero_at};
    // Integers that both types hold; narrower ones would wrap.
    return {from == node.dtype || node.dtype == DType::i64 ? first.value : std::nullopt, {}};
  }
  if (node.op() == Op::equal) {
    const AffineIndex& other = known[node.inputs[1]].value;
    if (!first.value || !other) return {};
    Layout difference{node.shape, {}, first.value->offset - other->offset};
    for (int i = 0; i < node.shape.rank(); ++i) {
      const std::size_t axis = i;
      if (first.value->shape[i] != 1) difference.strides[axis] += first.value->strides[axis];
      if (other->shape[i] != 1) difference.strides[axis] -= other->strides[axis];
    }
    return {{}, difference};
  }
  return {view_of(graph, node, first.value), view_of(graph, node, first.zero_at)};
}

std::optional<OneHot> one_hot_rows(const IndexFacts& facts, int row) {
  if (!facts.zero_at) return std::nullopt;
  const Layout& zero_at = *facts.zero_at;
  const Shape& shape = zero_at.shape;
  int column = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1 || i == row) continue;
    if (column >= 0) return std::nullopt;
    column = i;
  }
  if (column < 0 || shape[row] == 1) return std::nullopt;
  const std::int64_t by_row = zero_at.strides[row];
  const std::int64_t by_column = zero_at.strides[column];
  if (by_row * by_column != -1) return std::nullopt;
  const std::int64_t offset = zero_at.offset * by_row;  // by_row is 1 or -1
  if (offset < 0 || offset + shape[row] > shape[column]) return std::nullopt;
  return OneHot{row, column, offset};
}

}  // namespace nabla
