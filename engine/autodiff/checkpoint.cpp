#include "engine/autodiff/checkpoint.h"

#include "engine/autodiff/transform.h"
#include "engine/autodiff/vjp.h"
#include "engine/graph/walk.h"
#include "engine/ops/contract.h"
#include "engine/ops/substitute.h"

namespace nabla {
namespace {

// Shows input 0 as it is.
class Showing : public LinearPrimitive {
 public:
  explicit Showing(Op op) : LinearPrimitive(op) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  Tensor transpose(const Application&, int, const Tensor& cotangent) const override { return cotangent; }
  std::optional<Tensor> jvp(const Application&, Tangents tangents) const override { return tangents[0]; }
  bool shows(int slot) const override { return slot == 0; }
  std::optional<int> carried_axis(const Application&, int slot, int axis) const override {
    if (slot == 0) return axis;
    return std::nullopt;
  }
  bool accepts_compressed_tangent(const Application&, int, int) const override { return true; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return true; }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes&) const override {
    return input;
  }
};

// An argument as f sees it. What f builds on it is not what others build on the argument by the same
// expression, so that forward and reverse mode agree on what lies inside of f.
const Showing& kEnter = *new Showing(Op::enter);

// Shows input 0, but not before input 1 is there. What is built on it is another expression than what is
// built on input 0 itself, so that it is evaluated again, and late.
class Again final : public Showing {
 public:
  Again() : Showing(Op::again) {}
  bool orders_steps() const override { return true; }
};
const Again& kAgain = *new Again;

// Shows input 0, the value of f. The other inputs are all that f starts from: first its arguments, then what
// it captured. Tangents come through the graph of f. Cotangents go through a graph of f that is rebuilt on
// arguments that wait for them, and end where f starts: beyond, they go on from the inputs of this node, once
// for each however often f was built. Attribute: the number of arguments.
class Checkpoint final : public OnePassPrimitive {
 public:
  Checkpoint() : OnePassPrimitive(Op::checkpoint) {}
  TensorType infer(Inputs inputs, const Attributes&) const override {
    return {inputs[0].shape(), inputs[0].dtype()};
  }
  std::optional<Tensor> jvp(const Application&, Tangents tangents) const override { return tangents[0]; }

  void vjp_of_slots(const Application& at, const std::vector<bool>& wanted, const Tensor& cotangent,
                    std::vector<std::optional<Tensor>>& results) const override {
    const std::size_t arguments = at.attributes[0];
    std::vector<Tensor> starts;
    std::vector<Tensor> replacements;
    std::vector<Tensor> variables;
    std::vector<Tensor> late;        // in place of the variables
    std::vector<std::size_t> slots;  // of the variables
    NodeMap seen;
    for (std::size_t slot = 1; slot < at.inputs.size(); ++slot) {
      const Tensor& start = at.inputs[slot];
      // Inputs that have become one tensor share one cotangent.
      if (!seen.insert(&start.node(), 0)) continue;
      starts.push_back(start);
      replacements.push_back(slot <= arguments ? nabla::apply(kAgain, {start, cotangent}) : start);
      if (!wanted[slot]) continue;
      slots.push_back(slot);
      late.push_back(replacements.back());
      variables.push_back(variable(start.shape(), start.dtype(), at.output.node().where()));
      replacements.back() = variables.back();
    }
    // By variables, for a start may be equal to something inside of f or to what another start becomes.
    const std::vector<Tensor> rebuilt = substitute(at.inputs.first(1), starts, replacements);
    const std::vector<std::optional<Tensor>> found = nabla::vjp(rebuilt, variables, std::span(&cotangent, 1));
    std::vector<Tensor> cotangents;
    for (const std::optional<Tensor>& by_start : found) cotangents.push_back(by_start.value_or(cotangent));
    cotangents = substitute(cotangents, variables, late);
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (found[i]) results[slots[i]] = cotangents[i];
  }

  bool encloses_input() const override { return true; }
  bool shows(int slot) const override { return slot == 0; }
  std::optional<int> carried_axis(const Application&, int slot, int axis) const override {
    if (slot == 0) return axis;
    return std::nullopt;
  }
  bool accepts_compressed_tangent(const Application&, int, int) const override { return true; }
  bool accepts_compressed_cotangent(const Application&, int) const override { return false; }
  std::optional<Layout> view(const Layout& input, const Shape&, const Attributes&) const override {
    return input;
  }
};
const Checkpoint& kCheckpoint = *new Checkpoint;

}  // namespace

// On fresh variables, so that what lies inside of f is told from what f captured, even where a captured
// tensor is itself made of the arguments.
Tensor checkpoint(const std::function<Tensor(const std::vector<Tensor>&)>& f, const std::vector<Tensor>& xs,
                  std::source_location where) {
  if (xs.empty()) throw Error("checkpoint: the function has no arguments; there is nothing to start from");
  const SourceScope scope(where);
  const std::vector<Tensor> variables = variables_like(xs, where);
  std::vector<Tensor> entered;
  for (const Tensor& variable : variables) entered.push_back(apply(kEnter, {variable}));
  const Tensor y = f(entered);
  if (!y.defined()) throw Error("checkpoint: the function returned an empty tensor");
  const Dependents inside = dependents(std::span(&y, 1), variables, Through::arguments);
  if (inside.nodes.empty()) return y;
  std::vector<Tensor> inputs{y};
  NodeMap found;
  for (const Tensor& variable : variables)
    if (inside.index.find(&variable.node()) != NodeMap::kAbsent && found.insert(&variable.node(), 0))
      inputs.push_back(variable);
  const std::size_t arguments = inputs.size() - 1;
  for (const Node* node : inside.nodes)
    // What a checkpoint inside of f encloses is reached from where that one starts.
    for (Node* input : node->inputs().subspan(node->primitive().encloses_input() ? 1 : 0))
      if (inside.index.find(input) == NodeMap::kAbsent && !input->primitive().is_uniform() &&
          found.insert(input, 0))
        inputs.emplace_back(input);
  const Tensor shown = apply(kCheckpoint, inputs, {static_cast<std::int64_t>(arguments)}, where);
  return substitute(std::span(&shown, 1), variables, xs)[0];
}

Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x,
                  std::source_location where) {
  return checkpoint([&](const std::vector<Tensor>& xs) { return f(xs[0]); }, std::vector{x}, where);
}

}  // namespace nabla
