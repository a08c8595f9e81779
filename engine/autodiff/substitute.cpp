#include "engine/autodiff/substitute.h"

#include <algorithm>

#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/contract.h"

namespace nabla {

std::vector<Tensor> substitute(std::span<const Tensor> ys, std::span<const Tensor> xs,
                               std::span<const Tensor> replacements) {
  const Dependents between = dependents(ys, xs, Through::everything);
  std::vector<Tensor> rebuilt(between.nodes.size());
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const int at = between.index.find(&xs[i].node());
    if (at != NodeMap::kAbsent) rebuilt[static_cast<std::size_t>(at)] = replacements[i];
  }

  std::vector<Tensor> arguments;
  std::vector<int> extra;
  for (std::size_t n = 0; n < between.nodes.size(); ++n) {
    if (rebuilt[n].defined()) continue;
    const Node& node = *between.nodes[n];
    arguments.clear();
    extra.clear();
    int leading = 0;
    for (Node* input : node.inputs()) {
      const int at = between.index.find(input);
      arguments.push_back(at == NodeMap::kAbsent ? Tensor(input) : rebuilt[static_cast<std::size_t>(at)]);
      extra.push_back(arguments.back().rank() - input->shape().rank());
      if (node.primitive().shows(static_cast<int>(extra.size()) - 1))
        leading = std::max(leading, extra.back());
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
    results.push_back(at == NodeMap::kAbsent ? y : rebuilt[static_cast<std::size_t>(at)]);
  }
  return results;
}

}  // namespace nabla
