#include "uncertainty/calibration.h"

#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"

namespace nabla::uncertainty {

Tensor calibration_ratio(const Tensor& x1, const Tensor& m, const Tensor& trace) {
  if (!(x1.shape() == m.shape()) || x1.rank() < 1 || !(trace.shape() == x1.shape().first(1)))
    throw Error("calibration_ratio: data " + to_string(x1.shape()) + ", means " + to_string(m.shape()) +
                " and traces " + to_string(trace.shape()) + " must be [B, ..], [B, ..] and [B]");
  return sum(square(x1 - m)) / sum(trace);
}

}  // namespace nabla::uncertainty
