#include "engine/plan/canonical/node_facts.h"

#include <bit>
#include <cmath>

namespace nabla {
namespace {

// Where axis `axis` of the input, from the left, is in the output of a view.
std::uint16_t moved_axes(std::uint16_t axes, const PlanNode& node, Op op, int input_rank) {
  std::uint16_t moved = 0;
  const int rank = node.shape.rank();
  const Attributes& a = node.attributes;
  int from = 0;
  for (int to = 0; to < rank; ++to) {
    int source = to;
    if (op == Op::permute) {
      const int first = rank - static_cast<int>(a.size());
      if (to >= first) source = rank + static_cast<int>(a[to - first]);
    } else if (op == Op::insert_axes) {
      if (a.contains(to - rank)) continue;
      source = from++;
    } else if (op == Op::drop_axes) {
      while (a.contains(from - input_rank)) ++from;
      source = from++;
    }
    if (axes >> source & 1) moved = static_cast<std::uint16_t>(moved | 1u << to);
  }
  return moved;
}

std::uint16_t all_axes(const Shape& shape) { return static_cast<std::uint16_t>((1u << shape.rank()) - 1); }

class Facts {
 public:
  Facts(const PlanGraph& graph, const PlanNode& node, std::span<const NodeFacts> known)
      : graph_(graph), node_(node), known_(known), facts_{node.op()} {}

  NodeFacts find() {
    if (facts_of(facts_.op).family == Family::view)
      of_view();
    else if (facts_.op == Op::leaf)
      facts_.is_dense = node_.layout.is_dense();
    else if (facts_.op == Op::constant)
      of_constant();
    else
      of_computed();
    facts_.never_minus_zero = facts_.never_minus_zero || facts_.never_negative;
    return facts_;
  }

 private:
  const NodeFacts& input(std::size_t slot) const { return known_[node_.inputs[slot]]; }
  const Shape& shape(std::size_t slot) const { return graph_[node_.inputs[slot]].shape; }
  bool never_negative(std::size_t slot) const { return input(slot).never_negative; }
  bool never_minus_zero(std::size_t slot) const { return input(slot).never_minus_zero; }

  void of_constant() {
    double value = std::bit_cast<double>(node_.attributes[1]);
    if (node_.dtype == DType::f32) value = static_cast<float>(value);
    facts_.never_negative = !std::signbit(value);
    facts_.never_minus_zero = value != 0;
    facts_.repeated = all_axes(node_.shape);
  }

  void of_computed() {
    // A reshape that is a view shows elements in their order too.
    const bool may_be_view = facts_.op != Op::reshape && !node_.inputs.empty();
    facts_.is_dense =
        !(may_be_view && node_.primitive->view(Layout::dense(shape(0)), node_.shape, node_.attributes));
    if (node_.dtype == DType::f32 || node_.dtype == DType::f64) find_signs();
  }

  void of_view() {
    facts_ = input(0);
    facts_.op = node_.op();
    facts_.same_elements = -1;
    if (facts_.op == Op::broadcast)
      for (std::size_t i = 0; i < node_.attributes.size(); i += 2)
        facts_.repeated = static_cast<std::uint16_t>(
            facts_.repeated | 1u << (node_.shape.rank() + static_cast<int>(node_.attributes[i])));
    else if (facts_.repeated != 0)
      facts_.repeated = moved_axes(facts_.repeated, node_, facts_.op, shape(0).rank());
    facts_.is_dense = facts_.is_dense && (facts_.op == Op::insert_axes || facts_.op == Op::drop_axes);
  }

  // In round-to-nearest a sum is -0 only if all its terms are, and sums begin with +0.
  void find_signs() {
    bool& minus_zero_free = facts_.never_minus_zero;
    bool& negative_free = facts_.never_negative;
    switch (facts_of(facts_.op).signs) {
      case Signs::unknown:
        return find_signs_of_operation();
      case Signs::nonnegative:
        negative_free = true;
        return;
      case Signs::root:
        negative_free = never_negative(0);
        return;
      case Signs::total:
        negative_free = never_negative(0);
        minus_zero_free = true;
        return;
      case Signs::of_input:
        negative_free = never_negative(0);
        minus_zero_free = never_minus_zero(0);
    }
  }

  void find_signs_of_operation() {
    bool& minus_zero_free = facts_.never_minus_zero;
    bool& negative_free = facts_.never_negative;
    switch (facts_.op) {
      case Op::sign:
        minus_zero_free = true;  // sign(-0) is 0
        break;
      case Op::add:
        negative_free = never_negative(0) && never_negative(1);
        minus_zero_free = never_minus_zero(0) || never_minus_zero(1);
        break;
      case Op::sub:
        minus_zero_free = never_minus_zero(0);
        break;
      case Op::mul:
        negative_free = node_.inputs[0] == node_.inputs[1] || (never_negative(0) && never_negative(1));
        break;
      case Op::div:
        negative_free = never_negative(0) && never_negative(1);
        break;
      case Op::max:
      case Op::min:
        negative_free = never_negative(0) && never_negative(1);
        minus_zero_free = never_minus_zero(0) && never_minus_zero(1);
        break;
      case Op::select:
        negative_free = never_negative(1) && never_negative(2);
        minus_zero_free = never_minus_zero(1) && never_minus_zero(2);
        break;
      case Op::cast:
        of_cast();
        break;
      default:
        break;
    }
  }

  void of_cast() {
    const DType from = graph_[node_.inputs[0]].dtype;
    const bool is_unsigned = from == DType::boolean || from == DType::u8 || from == DType::u32;
    facts_.never_negative = is_unsigned || (is_floating(from) && never_negative(0));
    // A small negative f64 becomes -0 as f32.
    const bool may_underflow = from == DType::f64 && node_.dtype == DType::f32;
    facts_.never_minus_zero = !is_floating(from) || (never_minus_zero(0) && !may_underflow);
  }

  const PlanGraph& graph_;
  const PlanNode& node_;
  std::span<const NodeFacts> known_;
  NodeFacts facts_;
};

}  // namespace

NodeFacts node_facts(const PlanGraph& graph, const PlanNode& node, std::span<const NodeFacts> known) {
  return Facts(graph, node, known).find();
}

}  // namespace nabla
