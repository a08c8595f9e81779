#include "flow/coupling.h"

#include "engine/ops/composed.h"
#include "engine/ops/contraction.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "flow/assignment.h"

namespace nabla::flow {

Pair independent_coupling(const Tensor& key, const Tensor& x1) {
  return {normal(key, x1.shape(), x1.dtype()), x1};
}

Pair minibatch_ot_coupling(const Tensor& key, const Tensor& x1) {
  const Tensor x0 = normal(key, x1.shape(), x1.dtype());
  const std::int64_t rows = x1.shape()[0];
  const auto flat = [&](const Tensor& x) {
    return cast(reshape(x, Shape{rows, x.size() / rows}), DType::f64);
  };
  if (rows == 0) return {x0, x1};
  // Of |x1 - x0|^2 the squares are in every sum; -x1 . x0 is left.
  const Tensor costs = -matmul(flat(x1), transpose(flat(x0)));
  return {take(x0, tensor(optimal_assignment(costs.data<double>(), rows), Shape{rows})), x1};
}

}  // namespace nabla::flow
