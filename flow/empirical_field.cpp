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
#include "engine/tensor/type_text.h"
#include "flow/field.h"
#include "flow/weighted_points.h"

namespace nabla::flow {

EmpiricalField::EmpiricalField(const Tensor& data, AffinePath path) : path_(std::move(path)) {
  if (data.rank() != 2 || data.size() == 0 || !is_floating(data.dtype()))
    throw Error("empirical_field: the data " + type_text(data) + " must be [n, D], floating and not empty");
  Evaluation evaluation("EmpiricalField");
  // f64 tells any two numbers of f32 apart, also in products with weights of derivatives.
  const Tensor wide = cast(data, DType::f64);
  centre_ = evaluation.leaf(mean(wide, {0}, /*keep_axes=*/true));
  transposed_ = evaluation.leaf(transpose(wide - centre_));
  centred_ = data.dtype() == DType::f64 ? evaluation.leaf(wide - centre_) : transpose(transposed_);
  dtype_ = data.dtype();
  half_norms_ = evaluation.leaf(sum(square(transposed_), {0}, /*keep_axes=*/true) * 0.5);
}

Tensor EmpiricalField::wide_weights(const Tensor& x, const Tensor& t) const {
  if (x.rank() != 2 || x.shape()[1] != centre_.shape()[1] || x.dtype() != dtype_)
    throw Error("empirical_field: x " + type_text(x) + " must be [B, " + std::to_string(centre_.shape()[1]) +
                "] " + std::string(name_of(dtype_)));
  const Tensor time = cast(time_factor("empirical_field", t, x), DType::f64), at = cast(x, DType::f64);
  const Tensor a = path_.a(time), rate = a / square(path_.s(time));
  // -|x - a x_i|^2 / (2 s^2) less the part that all i share.
  const Tensor exponents = matmul(at - a * centre_, transposed_) - a * half_norms_;
  if (dtype_ == DType::f32) return softmax(exponents * rate);
  // The same with y and distances relative to the point nearest to x / a, which this tells up to the rounding
  // of products of large numbers.
  const Tensor nearest = take(centred_, argmax(exponents));
  const Tensor y = at - a * (centre_ + nearest);
  const Tensor apart = squared_distances_from(nearest, centred_);
  return softmax((matmul(y, transposed_) - apart * (a * 0.5)) * rate);
}

Tensor EmpiricalField::wide_mean(const Tensor& x, const Tensor& t) const {
  return matmul(wide_weights(x, t), centred_) + centre_;
}

Tensor EmpiricalField::weights(const Tensor& x, const Tensor& t) const {
  return cast(wide_weights(x, t), x.dtype());
}

Tensor EmpiricalField::posterior_mean(const Tensor& x, const Tensor& t) const {
  return cast(wide_mean(x, t), x.dtype());
}

Tensor EmpiricalField::velocity(const Tensor& x, const Tensor& t) const {
  const Tensor at = cast(x, DType::f64), time = cast(time_factor("empirical_field", t, x), DType::f64);
  return cast(velocity_from_mean(path_, wide_mean(x, t), at, time), x.dtype());
}

Tensor EmpiricalField::posterior_covariance(const Tensor& x, const Tensor& t) const {
  return cast(weighted_covariance(wide_weights(x, t), centred_), x.dtype());
}

Tensor EmpiricalField::posterior_trace(const Tensor& x, const Tensor& t) const {
  const Tensor w = wide_weights(x, t);
  return cast(sum(w * squared_distances_from(matmul(w, centred_), centred_), {-1}), x.dtype());
}

Tensor EmpiricalField::effective_sample_size(const Tensor& x, const Tensor& t) const {
  return cast(reciprocal(sum(square(wide_weights(x, t)), {-1})), x.dtype());
}

}  // namespace nabla::flow
