#include "engine/plan/canonical/rewrite_products.h"

#include <algorithm>
#include <numeric>

#include "engine/plan/canonical/rewrite_views.h"

namespace nabla {
namespace {

// The axes that have an extent, in order: what is left when a view drops or inserts axes of extent 1.
std::vector<int> wide_axes(const Shape& shape) {
  std::vector<int> axes;
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] != 1) axes.push_back(i);
  return axes;
}

class ProductRewrite {
 public:
  ProductRewrite(CanonicalGraph& graph, const GivenGraph& given, int index, const PlanNode& node)
      : graph_(graph), given_(given), index_(index), node_(node) {}

  std::optional<int> cheaper() {
    for (const int slot : {0, 1}) {
      if (const std::optional<int> view = rows_of_operand(slot)) return view;
      if (const std::optional<int> sum = without_the_product(slot)) return sum;
    }
    return with_compressed_operands();
  }

 private:
  const Shape& shape(int node) const { return graph_[node].shape; }
  int input(int slot) const { return node_.inputs[slot]; }
  bool is_summed(int axis) const { return node_.attributes.contains(axis - node_.shape.rank()); }

  // The product of one-hot rows with an operand, summed over the columns: its rows, as a view.
  std::optional<int> rows_of_operand(int slot) {
    const IndexFacts& facts = graph_.index_facts(input(slot));
    if (!facts.zero_at) return std::nullopt;
    const Shape& hot = shape(input(slot));
    const Shape& other = shape(input(1 - slot));
    for (const int row : wide_axes(hot)) {
      const std::optional<OneHot> rows = one_hot_rows(facts, row);
      if (!rows || is_summed(row) || !is_summed(rows->column)) continue;
      if (other[row] != 1 || other[rows->column] != hot[rows->column]) continue;
      bool others_summed = false;
      for (int axis = 0; axis < other.rank(); ++axis)
        others_summed = others_summed || (axis != rows->column && is_summed(axis) && other[axis] != 1);
      if (!others_summed) return swapped_rows(input(1 - slot), *rows, hot[row]);
    }
    return std::nullopt;
  }

  // Rows offset .. offset + count of an operand along the column axis, shown along the row axis.
  int swapped_rows(int operand, const OneHot& rows, std::int64_t count) {
    return swapped_axes(sliced(graph_, operand, rows.column, rows.offset, rows.offset + count, node_),
                        rows.row, rows.column);
  }

  int swapped_axes(int operand, int a, int b) {
    std::vector<int> order(shape(operand).rank());
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[a], order[b]);
    return permuted(graph_, operand, order, node_);
  }

  // Follows names that nobody else reads down to a contraction that nobody else reads: it in the new graph.
  std::optional<int> private_product(int slot) const {
    int at = given_.graph[index_].inputs[slot];
    for (;;) {
      const PlanNode& node = given_.graph[at];
      if (given_.reads[at] != 1 || node.is_leaf()) return std::nullopt;
      if (node.primitive == node_.primitive) break;
      if (!renames_input(given_.graph, node)) return std::nullopt;
      at = node.inputs[0];
    }
    const int made = given_.place[at];
    return graph_.op(made) == Op::contraction ? std::optional(made) : std::nullopt;
  }

  // sum_k (sum_h a[k, b, h] w[h, d]) hot[k, d], summed over d or not: the elements d = k + offset of the
  // product are all it needs, and they are sum_h a[k, b, h] w[h, k + offset].
  std::optional<int> without_the_product(int slot) {
    const IndexFacts& facts = graph_.index_facts(input(slot));
    if (!facts.zero_at) return std::nullopt;
    const std::optional<int> found = private_product(1 - slot);
    if (!found) return std::nullopt;
    const PlanNode product = graph_[*found];
    const Shape hot = shape(input(slot));
    const std::vector<int> inner = wide_axes(product.shape);
    const std::vector<int> outer = wide_axes(shape(input(1 - slot)));
    const auto in_product = [&](int axis) {
      const auto at = std::ranges::find(outer, axis);
      return at == outer.end() ? -1 : inner[at - outer.begin()];
    };
    for (const int row : wide_axes(hot)) {
      const std::optional<OneHot> rows = one_hot_rows(facts, row);
      if (!rows || !is_summed(row)) continue;
      const bool is_trace = is_summed(rows->column);
      bool others_summed = false;
      for (const int axis : outer)
        others_summed = others_summed || (axis != row && axis != rows->column && is_summed(axis));
      const OneHot in{in_product(row), in_product(rows->column), rows->offset};
      if (others_summed || in.row < 0 || in.column < 0) continue;
      for (const std::size_t w_slot : {std::size_t{0}, std::size_t{1}}) {
        const int w = product.inputs[w_slot];
        const int a = product.inputs[1 - w_slot];
        if (shape(w)[in.row] != 1 || shape(a)[in.column] != 1 || shape(a)[in.row] != hot[row] ||
            shape(w)[in.column] != hot[rows->column])
          continue;
        const int picked = swapped_rows(w, in, hot[row]);
        return is_trace ? trace_of(product, a, picked, in) : diagonal_of(product, a, picked, in);
      }
    }
    return std::nullopt;
  }

  int trace_of(const PlanNode& product, int a, int w, const OneHot& rows) {
    Axes summed;
    for (const std::int64_t axis : product.attributes) summed.push_back(static_cast<int>(axis));
    summed.push_back(rows.row - product.shape.rank());
    summed.sort();
    Shape made = product.shape;
    made[rows.row] = made[rows.column] = 1;
    return renamed(graph_, contracted(Attributes(summed), a, w, made), node_.shape, node_);
  }

  int diagonal_of(const PlanNode& product, int a, int w, const OneHot& rows) {
    const std::int64_t count = shape(a)[rows.row];
    const std::int64_t columns = product.shape[rows.column];
    Shape made = product.shape;
    made[rows.column] = 1;
    int result = swapped_axes(contracted(product.attributes, a, w, made), rows.row, rows.column);
    if (count != columns) {
      const int from_right = rows.column - product.shape.rank();
      Shape padded = shape(result);
      padded[rows.column] = columns;
      result = graph_.intern(Op::pad, {from_right, rows.offset, columns - rows.offset - count, 0}, {result},
                             padded, node_.dtype, node_);
    }
    return renamed(graph_, result, node_.shape, node_);
  }

  int contracted(const Attributes& summed, int a, int b, const Shape& made) {
    return graph_.intern(Op::contraction, summed, {a, b}, made, node_.dtype, node_);
  }

  // An operand that only repeats along an axis is shown once there, if the other one tells the extent or the
  // result may repeat instead.
  std::optional<int> with_compressed_operands() {
    if (graph_.facts(input(0)).repeated == 0 && graph_.facts(input(1)).repeated == 0) return std::nullopt;
    int operands[] = {input(0), input(1)};
    Shape made = node_.shape;
    for (int axis = 0; axis < made.rank(); ++axis)
      for (const int slot : {0, 1}) {
        int& operand = operands[slot];
        const bool other_has_extent = shape(operands[1 - slot])[axis] != 1;
        if (shape(operand)[axis] == 1 || !(graph_.facts(operand).repeated >> axis & 1) ||
            (is_summed(axis) && !other_has_extent))
          continue;
        operand = sliced(graph_, operand, axis, 0, 1, node_);
        if (!other_has_extent) made[axis] = 1;
      }
    if (operands[0] == input(0) && operands[1] == input(1)) return std::nullopt;
    return repeated(graph_, contracted(node_.attributes, operands[0], operands[1], made), node_.shape, node_);
  }

  CanonicalGraph& graph_;
  const GivenGraph& given_;
  int index_;
  const PlanNode& node_;
};

// Is the node a permuted contraction that one node alone reads, with but other axes of extent 1 between?
bool is_private_permuted_product(const GivenGraph& given, int at) {
  bool is_permuted = false;
  for (;;) {
    const PlanNode& node = given.graph[at];
    if (given.reads[at] != 1 || node.is_leaf()) return false;
    if (node.op() == Op::contraction) return is_permuted;
    if (node.op() != Op::permute && !renames_input(given.graph, node)) return false;
    is_permuted = is_permuted || node.op() == Op::permute;
    at = node.inputs[0];
  }
}

}  // namespace

GivenGraph::GivenGraph(const PlanGraph& given) : graph(given), reads(given.nodes.size(), 0) {
  place.reserve(given.nodes.size());
  for (const PlanNode& node : given.nodes)
    for (const int input : node.inputs) ++reads[input];
  for (const int output : given.outputs) reads[output] += 2;
  for (const PlanGraph::Held& held : given.held) reads[held.node] += 2;
}

std::optional<int> cheaper_product(CanonicalGraph& graph, const GivenGraph& given, int index,
                                   const PlanNode& node) {
  return ProductRewrite(graph, given, index, node).cheaper();
}

std::optional<int> product_in_reading_order(CanonicalGraph& graph, const GivenGraph& given, int index,
                                            std::size_t slot) {
  const std::vector<int>& inputs = given.graph[index].inputs;
  if (!is_private_permuted_product(given, inputs[slot])) return std::nullopt;
  for (std::size_t other = 0; other < inputs.size(); ++other)
    if (other != slot && graph.op(given.place[inputs[other]]) == Op::permute) return std::nullopt;
  const int read = given.place[inputs[slot]];
  if (graph.op(read) != Op::permute) return std::nullopt;
  int at = graph[read].inputs[0];
  const Shape named = graph[at].shape;
  while (graph.op(at) == Op::insert_axes || graph.op(at) == Op::drop_axes) at = graph[at].inputs[0];
  if (graph.op(at) != Op::contraction) return std::nullopt;
  const PlanNode product = graph[at];
  const PlanNode permute = graph[read];

  // The axes with an extent change places among themselves; those that are summed have none.
  const std::vector<int> wide = wide_axes(product.shape), wide_named = wide_axes(named);
  if (wide.size() != 2) return std::nullopt;
  std::vector<int> order(static_cast<std::size_t>(product.shape.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::size_t next = 0;
  for (const int axis : axes_shown(permute)) {
    if (named[axis] == 1) continue;
    order[wide[next++]] = wide[std::ranges::find(wide_named, axis) - wide_named.begin()];
  }
  Shape made;
  for (const int axis : order) made.push_back(product.shape[axis]);
  const int ordered = graph.intern(Op::contraction, product.attributes,
                                   {permuted(graph, product.inputs[0], order, permute),
                                    permuted(graph, product.inputs[1], order, permute)},
                                   made, product.dtype, product);
  return renamed(graph, ordered, permute.shape, permute);
}

}  // namespace nabla
