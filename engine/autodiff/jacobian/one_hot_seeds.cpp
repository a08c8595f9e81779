#include "engine/autodiff/jacobian/one_hot_seeds.h"

#include <algorithm>
#include <span>

#include "engine/graph/walk.h"
#include "engine/ops/constant.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {

Tensor one_hot_seeds(std::int64_t start, std::int64_t stop, const Shape& sample, DType dtype, int batch) {
  return reshape(slice(identity(sample.size(), dtype), 0, start, stop),
                 concatenate(concatenate(Shape{stop - start}, Shape::filled(batch, 1)), sample));
}

std::int64_t seeds_at_once(const Tensor& y, const Tensor& x, std::int64_t directions, std::int64_t bytes) {
  std::int64_t widest = x.size();
  for (const Node* node : dependents(y, x, Through::differentiable).nodes)
    widest = std::max(widest, node->shape().size());
  const std::int64_t of_one =
      std::max<std::int64_t>(1, widest * static_cast<std::int64_t>(size_of(x.dtype())));
  return std::clamp<std::int64_t>(bytes / of_one, 1, std::max<std::int64_t>(1, directions));
}

}  // namespace nabla
