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

Tensor advance(const Tensor& x, const Tensor& step, std::span<const double> weights,
               std::span<const Tensor> slopes) {
  const Tensor slope = combine(weights, slopes);
  return slope.defined() ? x + step * slope : x;
}

double stage_time(double c, double from, double to) { return c == 1 ? to : from + c * (to - from); }

}  // namespace nabla::flow
