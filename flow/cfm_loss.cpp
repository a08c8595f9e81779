#include "flow/cfm_loss.h"

#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"

namespace nabla::flow {

Tensor cfm_loss(const TimedField& v, const AffinePath& path, const Pair& pair, const Tensor& t) {
  const PathPoint point = interpolate(path, pair.x0, pair.x1, t);
  const Tensor velocity = v(point.x, t);
  if (!(velocity.shape() == point.x.shape()))
    throw Error("cfm_loss: the field maps " + to_string(point.x.shape()) + " to " +
                to_string(velocity.shape()) + "; a velocity has the shape of its sample");
  return sum(square(velocity - point.velocity)) * (1.0 / static_cast<double>(point.x.shape()[0]));
}

}  // namespace nabla::flow
