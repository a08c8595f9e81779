#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/constant.h"
#include "engine/ops/shaping.h"

// What the forward and the reverse transform share: leading axes, compressed axes, and a node seen as an
// Application.

namespace nabla {

/// Checks that every direction is [*L, *shape of its value] with the same rank of L and extents that
/// broadcast. Returns L. @throws Error naming `what`, the index and the shapes.
Shape check_directions(const char* what, std::span<const Tensor> values, std::span<const Tensor> directions);

/// Checks that a derivative by each of xs has a meaning. @throws Error naming `what` and the variable that is
/// not of a floating type, or a constant: an equal constant anywhere, those of operators and rules among
/// them, would be the variable too.
void check_variables(const char* what, std::span<const Tensor> xs);

/// Checks that no derivative of ys by xs gets lost in what a function evaluated. @throws Error naming `what`,
/// the function and its result.
void check_evaluated(const char* what, std::span<const Tensor> ys, std::span<const Tensor> xs,
                     const Dependents& between);

/// Fresh variables with the shapes and types of `xs`, built at the user's line `where`.
std::vector<Tensor> variables_like(std::span<const Tensor> xs, std::source_location where);

/// Broadcasts x ([*L, *primal]) from extent 1 to the primal's extent on the axes for which
/// `must_expand(axis)`.
template <class Predicate>
Tensor expand_where(const Tensor& x, const Shape& primal, Predicate must_expand) {
  if (x.shape().without_first(x.rank() - primal.rank()) == primal) return x;
  Shape target = x.shape();
  for (int axis = -1; axis >= -primal.rank(); --axis)
    if (target[axis] == 1 && primal[axis] != 1 && must_expand(axis)) target[axis] = primal[axis];
  return broadcast_to(x, target);
}

/// Holds handles to a node and its inputs while rules are applied to it; nodes built meanwhile carry its
/// source line.
class UseOfNode {
 public:
  explicit UseOfNode(Node* node) : scope_(node->where()), output_(node) {
    for (Node* input : node->inputs()) inputs_.emplace_back(input);
  }
  Application application() const { return {inputs_, output_, output_.node().attributes()}; }
  int slots() const { return static_cast<int>(inputs_.size()); }
  const Node* input_node(int slot) const { return &inputs_[slot].node(); }

 private:
  DerivedSourceScope scope_;
  Tensor output_;
  std::vector<Tensor> inputs_;
};

/// Goes forward through the nodes between variables and results, inputs before users. What a node carries
/// follows from what its inputs carry: rule(n, primitive, application, incoming), where one of them carries
/// something or `visits_all`. `carried` has what the variables carry at first, and of all nodes in the end.
template <class Rule>
void push_forward(const Dependents& between, const std::vector<bool>& is_variable,
                  std::vector<std::optional<Tensor>>& carried, Rule rule, bool visits_all = false) {
  std::vector<std::optional<Tensor>> incoming;
  for (std::size_t n = 0; n < between.nodes.size(); ++n) {
    if (is_variable[n]) continue;
    const UseOfNode use(between.nodes[n]);
    const Primitive& primitive = between.nodes[n]->primitive();
    incoming.clear();
    bool any = visits_all;
    for (int slot = 0; slot < use.slots(); ++slot) {
      const int at = between.index.find(use.input_node(slot));
      incoming.push_back(at == NodeMap::kAbsent ? std::nullopt : carried[at]);
      std::optional<Tensor>& tangent = incoming.back();
      if (!tangent) continue;
      any = true;
      tangent = expand_where(*tangent, use.input_node(slot)->shape(), [&](int axis) {
        return !primitive.accepts_compressed_tangent(use.application(), slot, axis);
      });
    }
    if (any) carried[n] = rule(n, primitive, use.application(), incoming);
  }
}

}  // namespace nabla
