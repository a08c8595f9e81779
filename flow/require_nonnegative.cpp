#include "flow/require_nonnegative.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/primitive.h"
#include "engine/graph/walk.h"
#include "engine/ops/pointwise.h"
#include "engine/tensor/number_text.h"

namespace nabla::flow {

void require_nonnegative(const char* what, const char* which, const Tensor& x) {
  const std::vector<const Node*> nodes = nodes_behind(x);
  if (std::ranges::any_of(nodes, [](const Node* node) { return node->primitive().is_variable(); })) return;
  for (const double number : cast(x, DType::f64).to_vector<double>())
    if (!(number >= 0 && std::isfinite(number)))
      throw Error(std::string(what) + ": a " + which + " is " + number_text(number) +
                  "; it must not be negative, and be finite");
}

}  // namespace nabla::flow
