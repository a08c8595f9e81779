#include "flow/cfm_loss.h"

#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"

namespace nabla::flow {

Tensor cfm_loss(const TimedField& v, const AffinePath& path, const Pair& pair, const Tensor& t) {
  const PathPoint point = interpolate(path, pair.x0, pair.x1, t);
  const Tensor velocity = v(point.x, t);
  require_velocity("cfm_loss", velocity, point.x);
  return sum(square(velocity - point.velocity)) * (1.0 / static_cast<double>(point.x.shape()[0]));
}

}  // namespace nabla::flow
