#include "flow/field.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/shaping.h"
#include "nn/scalar.h"

namespace nabla::flow {

TimedField instantaneous(AverageField u) {
  return [u = std::move(u)](const Tensor& x, const Tensor& t) { return u(x, t, t); };
}

Tensor time_factor(const char* what, const Tensor& t, const Tensor& x) {
  if (x.rank() < 2)
    throw Error(std::string(what) + ": samples " + to_string(x.shape()) +
                " must be [B, ..], of rank 2 at least");
  if (t.rank() != 2 || t.shape()[1] != 1 || (t.shape()[0] != 1 && t.shape()[0] != x.shape()[0]))
    throw Error(std::string(what) + ": times " + to_string(t.shape()) + " for samples " +
                to_string(x.shape()) + " must be [" + std::to_string(x.shape()[0]) + ", 1] or [1, 1]");
  if (t.dtype() != x.dtype())
    throw Error(std::string(what) + ": times " + std::string(name_of(t.dtype())) + " for samples " +
                std::string(name_of(x.dtype())) + "; cast one of them");
  if (x.rank() == 2) return t;
  std::vector<int> axes;
  for (int axis = -1; axis > 1 - x.rank(); --axis) axes.push_back(axis);
  return insert_axes(t, axes);
}

void require_velocity(const char* what, const Tensor& velocity, const Tensor& x) {
  if (!(velocity.shape() == x.shape()))
    throw Error(std::string(what) + ": the field maps " + to_string(x.shape()) + " to " +
                to_string(velocity.shape()) + "; a velocity has the shape of its sample");
}

Tensor shared_time(double t, DType dtype) { return nn::scalar_leaf(t, dtype, Shape{1, 1}); }

}  // namespace nabla::flow
