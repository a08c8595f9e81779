#include "engine/autodiff/checkpoint.h"

#include <algorithm>

#include "engine/autodiff/substitute.h"
#include "engine/autodiff/vjp.h"
#include "engine/graph/walk.h"
#include "engine/ops/contract.h"
#include "engine/ops/shaping.h"

namespace nabla {
namespace {

// The outermost axis of an operand that only tells when or whence is that of the result.
std::optional<int> outermost(const Application& at, int slot, int axis) {
  if (-axis != at.inputs[static_cast<std::size_t>(slot)].rank()) return std::nullopt;
  return -at.output.rank();
}

// Shows input 0, but not before input 1 is there. What is built on it is another expression than what is
// built on input 0 itself, so that it is evaluated again, and late.
class Again final : public LinearPrimitive {
 public:
  Again() : LinearPrimitive("again") {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  Tensor transpose(const Application&, int, const Tensor& cotangent) const override { return cotangent; }
  std::optional<Tensor> jvp(const Application&, Tangents tangents) const override { return tangents[0]; }
  std::optional<int> carried_axis(const Application& at, int slot, int axis) const override {
    return slot == 0 ? axis : outermost(at, slot, axis);
  }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes&) const override {
    return input;
  }
  bool orders_steps() const override { return true; }
  Structure structure(const Application&, int slot) const override {
    return slot == 0 ? Structure::diagonal : Structure::opaque;
  }
};
const Again& kAgain = *new Again;

// Shows input 0, the value of f. The other inputs are what f starts from: first its arguments, then what it
// captured. Tangents come through the graph of f; cotangents go through a graph of f rebuilt on arguments
// that wait for them. Attribute: the number of arguments.
class Checkpoint final : public Primitive {
 public:
  Checkpoint() : Primitive("checkpoint", Class::composite) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  std::optional<Tensor> jvp(const Application&, Tangents tangents) const override { return tangents[0]; }
  std::optional<Tensor> vjp(const Application& at, int slot, const Tensor& cotangent) const override {
    if (slot == 0) return std::nullopt;
    std::vector<Tensor> starts;
    std::vector<Tensor> arguments;
    std::vector<Tensor> late;
    const std::size_t count = static_cast<std::size_t>(at.attributes[0]);
    for (std::size_t i = 1; i < at.inputs.size(); ++i) {
      starts.push_back(as_seen_by(at.inputs[0], at.inputs[i]));
      if (i > count) continue;
      arguments.push_back(starts.back());
      starts.back() = nabla::apply(kAgain, {starts.back(), cotangent});
      late.push_back(starts.back());
    }
    const std::vector<Tensor> rebuilt = substitute(at.inputs.subspan(0, 1), arguments, late);
    const Tensor& start = starts[static_cast<std::size_t>(slot) - 1];
    const std::optional<Tensor> result =
        nabla::vjp(rebuilt, std::span(&start, 1), std::span(&cotangent, 1))[0];
    const int missing = at.inputs[static_cast<std::size_t>(slot)].rank() - start.rank();
    if (!result || missing == 0) return result;
    Axes axes;
    for (int axis = 0; axis < missing; ++axis) axes.push_back(axis - start.rank() - missing);
    return insert_axes(*result, axes);
  }
  std::optional<int> carried_axis(const Application& at, int slot, int axis) const override {
    return slot == 0 ? axis : outermost(at, slot, axis);
  }
  bool accepts_compressed_tangent(const Application&, int, int) const override { return true; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return false; }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes&) const override {
    return input;
  }

 private:
  // Transforms put leading axes of extent 1 on an operand that lacks the axes of the others; the graph of f
  // starts from what they were put on.
  static Tensor as_seen_by(const Tensor& y, const Tensor& operand) {
    const Node& node = operand.node();
    if (node.primitive().name() != "insert_axes") return operand;
    const Dependents between = dependents(std::span(&y, 1), std::span(&operand, 1), Through::everything);
    return between.nodes.empty() ? Tensor(node.inputs()[0]) : operand;
  }
};
const Checkpoint& kCheckpoint = *new Checkpoint;

}  // namespace

Tensor checkpoint(const std::function<Tensor(const std::vector<Tensor>&)>& f, const std::vector<Tensor>& xs,
                  std::source_location where) {
  if (xs.empty()) throw Error("checkpoint: the function has no arguments; there is nothing to start from");
  const SourceScope scope(where);
  const Tensor y = f(xs);
  std::vector<Tensor> inputs{y};
  const Dependents inside = dependents(std::span(&y, 1), xs, Through::everything);
  NodeMap found;
  for (const Tensor& x : xs)
    if (found.insert(&x.node(), 0)) inputs.push_back(x);
  const std::size_t arguments = inputs.size() - 1;
  for (const Node* node : inside.nodes) {
    if (std::ranges::any_of(xs, [&](const Tensor& x) { return &x.node() == node; })) continue;
    for (Node* input : node->inputs())
      if (inside.index.find(input) == NodeMap::kAbsent && is_floating(input->dtype()) &&
          !input->primitive().is_uniform() && found.insert(input, 0))
        inputs.emplace_back(input);
  }
  if (inside.nodes.empty() || &y.node() == &xs[0].node()) return y;
  return apply(kCheckpoint, inputs, {static_cast<std::int64_t>(arguments)}, where);
}

Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                  std::source_location where) {
  return checkpoint([&](const std::vector<Tensor>& xs) { return f(xs[0]); }, std::vector{x}, where);
}

}  // namespace nabla
