#include "engine/plan/canonical/canonical_graph.h"

#include <bit>
#include <utility>

namespace nabla {
namespace {

// Of these either order of the operands is one expression.
bool is_commutative(Op op) {
  return op == Op::add || op == Op::mul || op == Op::equal || op == Op::not_equal;
}

}  // namespace

CanonicalGraph::CanonicalGraph(std::size_t expected_nodes) {
  graph_.nodes.reserve(expected_nodes);
  facts_.reserve(expected_nodes);
  index_facts_.reserve(expected_nodes);
  interned_.reserve(expected_nodes);
}

int CanonicalGraph::append(PlanNode made) {
  facts_.push_back(node_facts(graph_, made, facts_));
  index_facts_.push_back(nabla::index_facts(graph_, made, index_facts_));
  graph_.nodes.push_back(std::move(made));
  return static_cast<int>(graph_.nodes.size()) - 1;
}

int CanonicalGraph::intern(PlanNode made) {
  if (made.inputs.size() == 2 && made.inputs[1] < made.inputs[0] && is_commutative(made.op()))
    std::swap(made.inputs[0], made.inputs[1]);
  std::size_t hash = std::bit_cast<std::uintptr_t>(made.primitive);
  for (const std::int64_t a : made.attributes) hash = hash * 31 + static_cast<std::size_t>(a);
  for (const int input : made.inputs) hash = hash * 31 + static_cast<std::size_t>(input);
  for (auto [at, end] = interned_.equal_range(hash); at != end; ++at) {
    const PlanNode& other = graph_[at->second];
    if (other.primitive == made.primitive && other.inputs == made.inputs &&
        other.attributes == made.attributes)
      return at->second;
  }
  const int index = append(std::move(made));
  interned_.emplace(hash, index);
  return index;
}

int CanonicalGraph::intern(Op op, Attributes attributes, std::vector<int> inputs, const Shape& shape,
                           DType dtype, const PlanNode& like) {
  return intern({&primitive_of(op), std::move(attributes), std::move(inputs), shape, dtype, {}, like.where});
}

int CanonicalGraph::constant(double value, const Shape& shape, DType dtype, const PlanNode& like) {
  Attributes attributes({static_cast<std::int64_t>(dtype), std::bit_cast<std::int64_t>(value)},
                        shape.extents());
  return intern(Op::constant, std::move(attributes), {}, shape, dtype, like);
}

int CanonicalGraph::elements_of(int node) const {
  const int same = facts(node).same_elements;
  return same < 0 ? node : same;
}

std::optional<double> CanonicalGraph::uniform(int node) const {
  const int elements = elements_of(node);
  if (op(elements) != Op::constant) return std::nullopt;
  return std::bit_cast<double>(graph_[elements].attributes[1]);
}

}  // namespace nabla
