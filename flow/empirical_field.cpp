#include "flow/empirical_field.h"

#include <string>
#include <utility>

#include "engine/graph/evaluation.h"
#include "engine/ops/composed.h"
#include "engine/ops/contraction.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/plan/evaluate.h"
#include "flow/field.h"
#include "flow/weighted_points.h"

namespace nabla::flow {

EmpiricalField::EmpiricalField(const Tensor& data, AffinePath path) : path_(std::move(path)) {
  if (data.rank() != 2 || data.size() == 0 || !is_floating(data.dtype()))
    throw Error("empirical_field: the data " + to_string(data.shape()) + " " +
                std::string(name_of(data.dtype())) + " must be [n, D], floating and not empty");
  Evaluation evaluation("EmpiricalField");
  centre_ = evaluation.leaf(mean(data, {0}, /*keep_axes=*/true));
  centred_ = evaluation.leaf(data - centre_);
  transposed_ = evaluation.leaf(transpose(centred_));
  half_norms_ = evaluation.leaf(sum(square(transposed_), {0}, /*keep_axes=*/true) * 0.5);
}

Tensor EmpiricalField::weights(const Tensor& x, const Tensor& t) const {
  if (x.rank() != 2 || x.shape()[1] != centre_.shape()[1])
    throw Error("empirical_field: x " + to_string(x.shape()) + " must be [B, " +
                std::to_string(centre_.shape()[1]) + "]");
  const Tensor time = time_factor("empirical_field", t, x);
  const Tensor a = path_.a(time);
  // The point nearest to x / a, up to the rounding of products of large numbers.
  const Tensor products = matmul(x - a * centre_, transposed_);
  const Tensor nearest = take(centred_, argmax(products - a * half_norms_));
  // -|x - a x_i|^2 / (2 s^2) less the part that all i share, with y and distances relative to that point.
  const Tensor y = x - a * (centre_ + nearest);
  const Tensor apart = squared_distances_from(nearest, centred_);
  return softmax((matmul(y, transposed_) - apart * (a * 0.5)) * (a / square(path_.s(time))));
}

Tensor EmpiricalField::posterior_mean(const Tensor& x, const Tensor& t) const {
  return matmul(weights(x, t), centred_) + centre_;
}

Tensor EmpiricalField::velocity(const Tensor& x, const Tensor& t) const {
  return velocity_from_mean(path_, posterior_mean(x, t), x, t);
}

Tensor EmpiricalField::posterior_covariance(const Tensor& x, const Tensor& t) const {
  return weighted_covariance(weights(x, t), centred_);
}

Tensor EmpiricalField::posterior_trace(const Tensor& x, const Tensor& t) const {
  const Tensor w = weights(x, t);
  return sum(w * squared_distances_from(matmul(w, centred_), centred_), {-1});
}

Tensor EmpiricalField::effective_sample_size(const Tensor& x, const Tensor& t) const {
  return reciprocal(sum(square(weights(x, t)), {-1}));
}

}  // namespace nabla::flow
