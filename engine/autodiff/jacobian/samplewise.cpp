#include "engine/autodiff/jacobian/samplewise.h"

#include <string>

#include "engine/autodiff/transform.h"
#include "engine/graph/walk.h"

namespace nabla {

void require_samplewise(const char* what, const Tensor& y, const Tensor& x) {
  if (x.rank() < 1 || y.rank() < 1 || x.shape()[0] != y.shape()[0])
    throw Error(std::string(what) + ": the field maps " + to_string(x.shape()) + " to " +
                to_string(y.shape()) + "; both need the samples on the outermost axis");
  const Dependents between = dependents(y, x, Through::everything);
  std::vector<int> sample_axis(between.nodes.size(), 0);  // from the right; 0 where no samples are seen
  for (std::size_t n = 0; n < between.nodes.size(); ++n) {
    Node* node = between.nodes[n];
    if (node == &x.node()) {
      sample_axis[n] = -x.rank();
      continue;
    }
    const UseOfNode use(node);
    for (int slot = 0; slot < use.slots(); ++slot) {
      const int at = between.index.find(use.input_node(slot));
      if (at == NodeMap::kAbsent || !node->primitive().shows(slot)) continue;
      const int seen = sample_axis[at];
      if (seen == 0) continue;
      const std::optional<int> axis = node->primitive().carried_axis(use.application(), slot, seen);
      if (!axis || (sample_axis[n] != 0 && *axis != sample_axis[n]))
        throw Error(
            std::string(what) + ": the field mixes samples in " + std::string(node->primitive().name()) +
            " " + to_string(node->shape()) + " built at " + node->where().file_name() + ":" +
            std::to_string(node->where().line()) +
            "; the derivative by one sample would miss the others (use jacobian for such a function)");
      sample_axis[n] = *axis;
    }
  }
  const int at = between.index.find(&y.node());
  const int last = at == NodeMap::kAbsent ? 0 : sample_axis[at];
  if (last != 0 && last != -y.rank())
    throw Error(std::string(what) + ": the samples of " + to_string(x.shape()) +
                " do not end on the outermost axis of the result " + to_string(y.shape()));
}

}  // namespace nabla
