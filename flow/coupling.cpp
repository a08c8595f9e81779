#include "flow/coupling.h"

#include "engine/ops/random.h"

namespace nabla::flow {

Pair independent_coupling(const Tensor& key, const Tensor& x1) {
  return {normal(key, x1.shape(), x1.dtype()), x1};
}

}  // namespace nabla::flow
