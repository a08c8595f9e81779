#include "flow/weighted_points.h"

#include <algorithm>
#include <cstdint>

#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla::flow {

Tensor squared_distances_from(const Tensor& c, const Tensor& z) {
  return sum(square(z - insert_axes(c, {-2})), {-1});
}

Tensor weighted_covariance(const Tensor& w, const Tensor& z) {
  constexpr std::int64_t kElements = std::int64_t{1} << 23;  // of the differences of one block
  const std::int64_t points = z.shape()[0];
  const std::int64_t block =
      std::max<std::int64_t>(1, kElements / std::max<std::int64_t>(1, w.shape()[0] * z.shape()[1]));
  const Tensor m = insert_axes(matmul(w, z), {-2});
  Tensor total;
  for (std::int64_t start = 0; start < points; start += block) {
    const std::int64_t stop = std::min(points, start + block);
    const Tensor d = slice(z, 0, start, stop) - m;
    const Tensor part = matmul(transpose(insert_axes(slice(w, 1, start, stop), {-1}) * d), d);
    total = start == 0 ? part : total + part;
  }
  return total;
}

}  // namespace nabla::flow
