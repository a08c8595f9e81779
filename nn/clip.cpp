#include "nn/clip.h"

#include <cmath>

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/tensor/number_text.h"
#include "engine/tensor/type_text.h"

namespace nabla::nn {

ClippedGradients clip_by_global_norm(const std::vector<Tensor>& gradients, double max_norm) {
  if (!(max_norm > 0) || !std::isfinite(max_norm))
    throw Error("clip_by_global_norm: the largest norm " + number_text(max_norm) +
                " is not positive and finite");
  Tensor squares = zeros(Shape{}, DType::f64);
  for (const Tensor& gradient : gradients) {
    if (!is_floating(gradient.dtype()))
      throw Error("clip_by_global_norm: the gradient " + type_text(gradient) + " is not of floating type");
    squares = squares + sum(square(cast(gradient, DType::f64)));
  }
  ClippedGradients clipped{{}, sqrt(squares)};
  // Exactly 1 where nothing is to be clipped.
  const Tensor factor = max_norm / max(clipped.norm, max_norm);
  for (const Tensor& gradient : gradients)
    clipped.gradients.push_back(gradient * cast(factor, gradient.dtype()));
  return clipped;
}

}  // namespace nabla::nn
