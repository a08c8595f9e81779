#include "engine/ops/substitute.h"

#include <algorithm>

#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/contract.h"

namespace nabla {
namespace {

// Input 0 of a node that encloses it, on what has come in place of the other inputs.
Tensor rebuilt_body(const Node& node, std::span<const Tensor> arguments) {
  const std::span<Node* const> inputs = node.inputs();
  const std::vector<Tensor> starts(inputs.begin() + 1, inputs.end());
  const Tensor body(inputs[0]);
  return substitute(std::span(&body, 1), starts, arguments.subspan(1))[0];
}

}  // namespace

std::vector<Tensor> substitute(std::span<const Tensor> ys, std::span<const Tensor> xs,
                               std::span<const Tensor> replacements) {
  const Dependents between = dependents(ys, xs, Through::arguments);
  std::vector<Tensor> rebuilt(between.nodes.size());
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const int at = between.index.find(&xs[i].node());
    if (at != NodeMap::kAbsent) rebuilt[at] = replacements[i];
  }

  std::vector<Tensor> arguments;
  std::vector<int> extra;
  const auto replaced = [&](Node* input) {
    const int at = between.index.find(input);
    return at == NodeMap::kAbsent ? Tensor(input) : rebuilt[at];
  };
  for (std::size_t n = 0; n < between.nodes.size(); ++n) {
    if (rebuilt[n].defined()) continue;
    const Node& node = *between.nodes[n];
    arguments.clear();
    extra.clear();
    int leading = 0;
    for (Node* input : node.inputs()) arguments.push_back(replaced(input));
    if (node.primitive().encloses_input()) arguments[0] = rebuilt_body(node, arguments);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      extra.push_back(arguments[i].rank() - node.inputs()[i]->shape().rank());
      if (node.primitive().shows(static_cast<int>(i))) leading = std::max(leading, extra.back());
    }
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      // Operands of one primitive have equal rank: new axes go to the far left of those that lack them.
      if (node.primitive().shows(static_cast<int>(i)))
        arguments[i] = promote(arguments[i], arguments[i].rank() + leading - extra[i]);
    }
    rebuilt[n] = apply(node.primitive(), arguments, node.attributes(), node.where());
  }

  std::vector<Tensor> results;
  for (const Tensor& y : ys) {
    const int at = between.index.find(&y.node());
    results.push_back(at == NodeMap::kAbsent ? y : rebuilt[at]);
  }
  return results;
}

Tensor substitute(const Tensor& y, const Tensor& x, const Tensor& replacement) {
  return substitute(std::span(&y, 1), std::span(&x, 1), std::span(&replacement, 1))[0];
}

}  // namespace nabla
