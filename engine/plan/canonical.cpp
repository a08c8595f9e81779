#include "engine/plan/canonical.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <string>
#include <unordered_map>

#include "engine/plan/one_hot.h"

namespace nabla {
namespace {

const Primitive& primitive_named(std::string_view name) {
  static const std::map<std::string_view, const Primitive*>& table = *[] {
    auto* made = new std::map<std::string_view, const Primitive*>;
    for (const Primitive* primitive : all_primitives()) made->emplace(primitive->name(), primitive);
    return made;
  }();
  return *table.at(name);
}

bool is_commutative(std::string_view name) {
  return name == "add" || name == "mul" || name == "equal" || name == "not_equal";
}

// The axes of a contraction's operands that are not summed away and have an extent, in order: what is left
// when a view drops or inserts axes of extent 1.
std::vector<int> wide_axes(const Shape& shape) {
  std::vector<int> axes;
  for (int i = 0; i < shape.rank(); ++i)
    if (shape[i] != 1) axes.push_back(i);
  return axes;
}

class Canonicaliser {
 public:
  explicit Canonicaliser(const PlanGraph& graph) : from_(graph), reads_(graph.nodes.size(), 0) {
    for (const PlanNode& node : graph.nodes)
      for (const int input : node.inputs) ++reads_[static_cast<std::size_t>(input)];
    for (const int output : graph.outputs) reads_[static_cast<std::size_t>(output)] += 2;
    for (const PlanGraph::Held& held : graph.held) reads_[static_cast<std::size_t>(held.node)] += 2;
  }

  PlanGraph run() {
    to_.nodes.reserve(from_.nodes.size());
    for (const PlanNode& node : from_.nodes) {
      PlanNode copy = node;
      for (int& input : copy.inputs) input = place_[static_cast<std::size_t>(input)];
      place_.push_back(copy.is_leaf() ? append(std::move(copy), static_cast<int>(place_.size()))
                                      : rewritten(std::move(copy), static_cast<int>(place_.size())));
    }
    for (const int output : from_.outputs) to_.outputs.push_back(place_[static_cast<std::size_t>(output)]);
    for (const PlanGraph::Held& held : from_.held)
      to_.held.push_back({held.place, place_[static_cast<std::size_t>(held.node)]});
    return without_unused();
  }

 private:
  const PlanNode& node(int index) const { return to_.nodes[static_cast<std::size_t>(index)]; }

  // `source` is the node of the given graph that it computes, -1 for what only this pass knows.
  int append(PlanNode made, int source) {
    facts_.push_back(index_facts(to_, made, facts_));
    source_.push_back(source);
    to_.nodes.push_back(std::move(made));
    return static_cast<int>(to_.nodes.size()) - 1;
  }

  // Appends a node, unless the same expression is there already.
  int intern(PlanNode made, int source) {
    if (made.inputs.size() == 2 && is_commutative(made.primitive->name()) && made.inputs[1] < made.inputs[0])
      std::swap(made.inputs[0], made.inputs[1]);
    std::size_t hash = std::bit_cast<std::uintptr_t>(made.primitive);
    for (const std::int64_t a : made.attributes) hash = hash * 31 + static_cast<std::size_t>(a);
    for (const int input : made.inputs) hash = hash * 31 + static_cast<std::size_t>(input);
    for (auto [at, end] = interned_.equal_range(hash); at != end; ++at) {
      const PlanNode& other = node(at->second);
      if (other.primitive == made.primitive && other.inputs == made.inputs &&
          other.attributes == made.attributes)
        return at->second;
    }
    const int index = append(std::move(made), source);
    interned_.emplace(hash, index);
    return index;
  }

  std::optional<double> constant(int index, const Shape& like) const {
    const PlanNode& x = node(index);
    if (x.is_leaf() || !x.primitive->is_uniform()) return std::nullopt;
    for (int i = 0; i < x.shape.rank(); ++i)
      if (x.shape[i] != 1 && x.shape[i] != like[i]) return std::nullopt;
    return std::bit_cast<double>(x.attributes[1]);
  }

  int rewritten(PlanNode made, int source) {
    const std::string_view name = made.primitive->name();
    if (name == "stop_gradient") return made.inputs[0];
    if (made.primitive->is_pointwise())
      if (const std::optional<int> same = operand_unchanged(made)) return *same;
    if (name == "contraction") {
      for (const int slot : {0, 1}) {
        if (const std::optional<int> view = rows_of_operand(made, slot)) return *view;
        if (const std::optional<int> sum = without_the_product(made, slot)) return *sum;
      }
    }
    return intern(std::move(made), source);
  }

  // An operand that the primitive returns as it is, to the bit.
  std::optional<int> operand_unchanged(const PlanNode& made) const {
    const std::string_view name = made.primitive->name();
    const int x = made.inputs[0];
    const auto keeps = [&](int operand) { return node(operand).shape == made.shape; };
    if (made.inputs.size() == 2 && is_floating(made.dtype)) {
      const std::optional<double> left = constant(x, made.shape);
      const std::optional<double> right = constant(made.inputs[1], made.shape);
      if (keeps(x) && right &&
          ((name == "mul" && *right == 1) || (name == "div" && *right == 1) ||
           (name == "sub" && *right == 0 && !std::signbit(*right))))
        return x;
      if (keeps(made.inputs[1]) && left && name == "mul" && *left == 1) return made.inputs[1];
    }
    if (name == "neg" && !node(x).is_leaf() && node(x).primitive->name() == "neg") return node(x).inputs[0];
    return std::nullopt;
  }

  bool is_summed(const PlanNode& contraction, int axis) const {
    return contraction.attributes.contains(axis - contraction.shape.rank());
  }

  // The product of one-hot rows with an operand, summed over the columns: its rows, as a view.
  std::optional<int> rows_of_operand(const PlanNode& made, int slot) {
    const int hot = made.inputs[static_cast<std::size_t>(slot)];
    const int other = made.inputs[static_cast<std::size_t>(1 - slot)];
    const IndexFacts& facts = facts_[static_cast<std::size_t>(hot)];
    if (!facts.zero_at) return std::nullopt;
    for (const int row : wide_axes(node(hot).shape)) {
      const std::optional<OneHot> rows = one_hot_rows(facts, row);
      if (!rows || is_summed(made, row) || !is_summed(made, rows->column)) continue;
      const Shape& shape = node(other).shape;
      if (shape[row] != 1 || shape[rows->column] != node(hot).shape[rows->column]) continue;
      bool others_summed = false;
      for (int axis = 0; axis < shape.rank(); ++axis)
        others_summed = others_summed || (axis != rows->column && is_summed(made, axis) && shape[axis] != 1);
      if (others_summed) continue;
      return swapped_rows(other, *rows, node(hot).shape[row], made);
    }
    return std::nullopt;
  }

  // Rows offset .. offset + count of an operand along the column axis, shown along the row axis.
  int swapped_rows(int operand, const OneHot& rows, std::int64_t count, const PlanNode& like) {
    const PlanNode& x = node(operand);
    const int rank = x.shape.rank();
    int result = operand;
    if (rows.offset != 0 || count != x.shape[rows.column]) {
      Shape shape = x.shape;
      shape[rows.column] = count;
      result = intern({&primitive_named("slice"),
                       {rows.column - rank, rows.offset, rows.offset + count, 1},
                       {operand},
                       shape,
                       x.dtype,
                       {},
                       like.where},
                      -1);
    }
    return swapped_axes(result, rows.row, rows.column, like);
  }

  int swapped_axes(int operand, int a, int b, const PlanNode& like) {
    const int rank = node(operand).shape.rank();
    Axes order = Axes::innermost(rank);
    std::swap(order[static_cast<std::size_t>(a)], order[static_cast<std::size_t>(b)]);
    Shape shape = node(operand).shape;
    std::swap(shape[a], shape[b]);
    return intern(
        {&primitive_named("permute"), Attributes(order), {operand}, shape, like.dtype, {}, like.where}, -1);
  }

  // Follows renamings that nobody else reads down to a contraction that nobody else reads.
  std::optional<int> private_product(int index) const {
    for (;;) {
      const int source = source_[static_cast<std::size_t>(index)];
      if (source < 0 || reads_[static_cast<std::size_t>(source)] != 1 || node(index).is_leaf())
        return std::nullopt;
      if (node(index).primitive->name() == "contraction") return index;
      if (!renames_input(to_, node(index))) return std::nullopt;
      index = node(index).inputs[0];
    }
  }

  // sum_k (sum_h a[k, b, h] w[h, d]) hot[k, d], summed over d or not: the elements d = k + offset of the
  // product are all it needs, and they are sum_h a[k, b, h] w[h, k + offset].
  std::optional<int> without_the_product(const PlanNode& made, int slot) {
    const int hot = made.inputs[static_cast<std::size_t>(slot)];
    const int product_view = made.inputs[static_cast<std::size_t>(1 - slot)];
    const IndexFacts& facts = facts_[static_cast<std::size_t>(hot)];
    if (!facts.zero_at) return std::nullopt;
    const std::optional<int> found = private_product(product_view);
    if (!found) return std::nullopt;
    const PlanNode product = node(*found);
    const std::vector<int> inner = wide_axes(product.shape);
    const std::vector<int> outer = wide_axes(node(product_view).shape);
    const auto in_product = [&](int axis) {
      const auto at = std::ranges::find(outer, axis);
      return at == outer.end() ? -1 : inner[static_cast<std::size_t>(at - outer.begin())];
    };
    for (const int row : wide_axes(node(hot).shape)) {
      const std::optional<OneHot> rows = one_hot_rows(facts, row);
      if (!rows || !is_summed(made, row)) continue;
      const bool is_trace = is_summed(made, rows->column);
      bool others_summed = false;
      for (const int axis : outer)
        others_summed = others_summed || (axis != row && axis != rows->column && is_summed(made, axis));
      const OneHot in{in_product(row), in_product(rows->column), rows->offset};
      if (others_summed || in.row < 0 || in.column < 0) continue;
      const std::int64_t count = node(hot).shape[row];
      for (const int w_slot : {0, 1}) {
        const int w = product.inputs[static_cast<std::size_t>(w_slot)];
        const int a = product.inputs[static_cast<std::size_t>(1 - w_slot)];
        if (node(w).shape[in.row] != 1 || node(a).shape[in.column] != 1 || node(a).shape[in.row] != count ||
            node(w).shape[in.column] != node(hot).shape[rows->column])
          continue;
        return is_trace ? trace_of(product, a, swapped_rows(w, in, count, product), in, made)
                        : diagonal_of(product, a, swapped_rows(w, in, count, product), in, made);
      }
    }
    return std::nullopt;
  }

  int trace_of(const PlanNode& product, int a, int w, const OneHot& rows, const PlanNode& made) {
    const int rank = product.shape.rank();
    Axes summed;
    for (const std::int64_t axis : product.attributes) summed.push_back(static_cast<int>(axis));
    summed.push_back(rows.row - rank);
    summed.sort();
    Shape shape = product.shape;
    shape[rows.row] = shape[rows.column] = 1;
    const int sum =
        intern({product.primitive, Attributes(summed), {a, w}, shape, made.dtype, {}, made.where}, -1);
    return reshaped(sum, made);
  }

  int diagonal_of(const PlanNode& product, int a, int w, const OneHot& rows, const PlanNode& made) {
    const int rank = product.shape.rank();
    const std::int64_t count = node(a).shape[rows.row];
    const std::int64_t columns = product.shape[rows.column];
    Shape shape = product.shape;
    shape[rows.column] = 1;
    int result =
        intern({product.primitive, product.attributes, {a, w}, shape, made.dtype, {}, made.where}, -1);
    result = swapped_axes(result, rows.row, rows.column, made);
    if (count != columns) {
      shape = node(result).shape;
      shape[rows.column] = columns;
      result = intern({&primitive_named("pad"),
                       {rows.column - rank, rows.offset, columns - rows.offset - count, 0},
                       {result},
                       shape,
                       made.dtype,
                       {},
                       made.where},
                      -1);
    }
    return reshaped(result, made);
  }

  int reshaped(int operand, const PlanNode& made) {
    if (node(operand).shape == made.shape) return operand;
    return intern({&primitive_named("reshape"),
                   Attributes({node(operand).shape.rank()}, made.shape.extents()),
                   {operand},
                   made.shape,
                   made.dtype,
                   {},
                   made.where},
                  -1);
  }

  // Leaves stay, because a plan knows them by position.
  PlanGraph without_unused() {
    std::vector<bool> used(to_.nodes.size(), false);
    for (const int output : to_.outputs) used[static_cast<std::size_t>(output)] = true;
    for (const PlanGraph::Held& held : to_.held) used[static_cast<std::size_t>(held.node)] = true;
    for (std::size_t i = to_.nodes.size(); i-- > 0;) {
      used[i] = used[i] || to_.nodes[i].is_leaf();
      if (used[i])
        for (const int input : to_.nodes[i].inputs) used[static_cast<std::size_t>(input)] = true;
    }
    std::vector<int> place(to_.nodes.size(), -1);
    PlanGraph result;
    for (std::size_t i = 0; i < to_.nodes.size(); ++i) {
      if (!used[i]) continue;
      place[i] = static_cast<int>(result.nodes.size());
      for (int& input : to_.nodes[i].inputs) input = place[static_cast<std::size_t>(input)];
      result.nodes.push_back(std::move(to_.nodes[i]));
    }
    for (const int output : to_.outputs) result.outputs.push_back(place[static_cast<std::size_t>(output)]);
    for (const PlanGraph::Held& held : to_.held)
      result.held.push_back({held.place, place[static_cast<std::size_t>(held.node)]});
    return result;
  }

  const PlanGraph& from_;
  std::vector<int> reads_;  // of the given graph's nodes; who asks for a node counts more than once
  PlanGraph to_;
  std::vector<int> place_;         // of the given nodes in the new graph
  std::vector<int> source_;        // of the new nodes
  std::vector<IndexFacts> facts_;  // of the new nodes
  std::unordered_multimap<std::size_t, int> interned_;
};

}  // namespace

PlanGraph canonical(const PlanGraph& graph) { return Canonicaliser(graph).run(); }

bool builds_identity(const Primitive& primitive) {
  const std::string_view name = primitive.name();
  return primitive.is_uniform() || name == "iota" || name == "equal" || name == "cast" || name == "slice" ||
         name == "reshape" || name == "insert_axes" || name == "drop_axes" || name == "permute";
}

}  // namespace nabla
