#include "flow/stages.h"

#include "engine/ops/pointwise.h"

namespace nabla::flow {

Tensor combine(std::span<const double> weights, std::span<const Tensor> slopes) {
  Tensor total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    const Tensor part = weights[i] == 1 ? slopes[i] : slopes[i] * weights[i];
    total = total.defined() ? total + part : part;
  }
  return total;
}

}  // namespace nabla::flow
