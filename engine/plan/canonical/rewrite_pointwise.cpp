#include "engine/plan/canonical/rewrite_pointwise.h"

#include <cmath>
#include <utility>

namespace nabla {
namespace {

// Does a type hold every value of another?
bool holds(DType type, DType values) {
  switch (values) {
    case DType::boolean:
      return true;
    case DType::u8:
      return type != DType::boolean;
    case DType::i32:
    case DType::u32:
      return type == values || type == DType::i64 || type == DType::f64 || type == DType::c128;
    case DType::f32:
      return type == values || type == DType::f64 || type == DType::c128;
    default:
      return type == values;
  }
}

class Rewrite {
 public:
  Rewrite(CanonicalGraph& graph, PlanNode node) : graph_(graph), node_(std::move(node)), op_(node_.op()) {}

  int run() {
    for (int& input : node_.inputs) input = graph_.elements_of(input);
    if (op_ == Op::mul || op_ == Op::div) take_up_sign();
    if (op_ == Op::add || op_ == Op::sub) take_up_negative();
    if (op_ == Op::cast) cast_once();
    const std::optional<int> same = unchanged_operand();
    if (same && graph_.facts(*same).is_dense) return *same;
    const int made = graph_.intern(std::move(node_));
    // What adds up the result finds it in order; all others read the operand.
    if (same) graph_.note_same_elements(made, *same);
    return made;
  }

 private:
  int operand(std::size_t slot) const { return node_.inputs[slot]; }
  bool is_neg(std::size_t slot) const { return graph_.op(operand(slot)) == Op::neg; }
  int operand_of(std::size_t slot) const { return graph_[operand(slot)].inputs[0]; }
  bool has_result_shape(std::size_t slot) const { return graph_[operand(slot)].shape == node_.shape; }
  bool never_minus_zero(std::size_t slot) const {
    return !is_floating(node_.dtype) || graph_.facts(operand(slot)).never_minus_zero;
  }

  void become(Op op, std::vector<int> inputs) {
    op_ = op;
    node_.primitive = &primitive_of(op);
    node_.inputs = std::move(inputs);
  }

  // (-a)(-b) = a b, (-a) c = a (-c) for a constant c, and a (-1) = -a; division likewise.
  void take_up_sign() {
    if (node_.dtype != DType::f32 && node_.dtype != DType::f64) return;
    if (is_neg(0) && is_neg(1)) node_.inputs = {operand_of(0), operand_of(1)};
    for (const std::size_t slot : {std::size_t{0}, std::size_t{1}}) {
      const std::optional<double> constant = graph_.uniform(operand(slot));
      const std::size_t other = 1 - slot;
      if (!constant) continue;
      if (is_neg(other)) {
        const PlanNode& factor = graph_[operand(slot)];
        const int negated = graph_.constant(-*constant, factor.shape, factor.dtype, node_);
        node_.inputs[other] = operand_of(other);
        node_.inputs[slot] = negated;
      } else if (*constant == -1 && has_result_shape(other) && (slot == 1 || op_ == Op::mul)) {
        become(Op::neg, {operand(other)});
      }
      return;
    }
  }

  // a + (-b) = a - b, a - (-b) = a + b.
  void take_up_negative() {
    const Op opposite = op_ == Op::add ? Op::sub : Op::add;
    if (is_neg(1))
      become(opposite, {operand(0), operand_of(1)});
    else if (op_ == Op::add && is_neg(0))
      become(opposite, {operand(1), operand_of(0)});
  }

  // By way of a type that holds all values of the first, a cast is the direct one.
  void cast_once() {
    if (graph_.op(operand(0)) != Op::cast) return;
    const int from = operand_of(0);
    if (holds(graph_[operand(0)].dtype, graph_[from].dtype)) node_.inputs[0] = from;
  }

  // An operand that the primitive returns as it is.
  std::optional<int> unchanged_operand() const {
    switch (op_) {
      case Op::neg:
        if (is_neg(0)) return operand_of(0);
        break;
      case Op::cast:
        if (graph_[operand(0)].dtype == node_.dtype) return operand(0);
        break;
      case Op::select:
        return selected();
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div:
        if (leaves_unchanged(1)) return operand(0);
        if (op_ != Op::sub && op_ != Op::div && leaves_unchanged(0)) return operand(1);
        break;
      default:
        break;
    }
    return std::nullopt;
  }

  // x + 0 makes 0 of -0, and x - (-0) too; x - 0 and x + (-0) change nothing.
  bool leaves_unchanged(std::size_t slot) const {
    const std::optional<double> constant = graph_.uniform(operand(slot));
    if (!constant || !has_result_shape(1 - slot)) return false;
    if (op_ == Op::mul || op_ == Op::div) return *constant == 1;
    const bool adds_plus_zero = std::signbit(*constant) == (op_ == Op::sub);
    return *constant == 0 && (!adds_plus_zero || never_minus_zero(1 - slot));
  }

  std::optional<int> selected() const {
    std::size_t slot = 1;
    if (const std::optional<double> condition = graph_.uniform(operand(0)))
      slot = *condition != 0 ? 1 : 2;
    else if (operand(1) != operand(2))
      return std::nullopt;
    return has_result_shape(slot) ? std::optional(operand(slot)) : std::nullopt;
  }

  CanonicalGraph& graph_;
  PlanNode node_;
  Op op_;
};

}  // namespace

int rewrite_pointwise(CanonicalGraph& graph, PlanNode node) { return Rewrite(graph, std::move(node)).run(); }

}  // namespace nabla
