#include "flow/paired_field.h"

#include <string>
#include <utility>

#include "engine/graph/evaluation.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/tensor/number_text.h"
#include "flow/field.h"

namespace nabla::flow {

PairedField::PairedField(const Tensor& x0, const Tensor& x1, double blur, AffinePath path)
    : path_(std::move(path)), blur_(blur) {
  if (x1.rank() != 2 || x1.size() == 0 || !(x0.shape() == x1.shape()) || !is_floating(x1.dtype()) ||
      x0.dtype() != x1.dtype())
    throw Error("paired_field: noise " + to_string(x0.shape()) + " " + std::string(name_of(x0.dtype())) +
                " and data " + to_string(x1.shape()) + " " + std::string(name_of(x1.dtype())) +
                " must be [n, D], of one floating type and not empty");
  if (!(blur > 0)) throw Error("paired_field: the blur " + number_text(blur) + " must be positive");
  Evaluation evaluation("PairedField");
  x0_ = evaluation.leaf(evaluation.reads(x0));
  x1_ = evaluation.leaf(evaluation.reads(x1));
  const auto row = [&](const Tensor& products) {
    return evaluation.leaf(insert_axes(sum(products, {-1}), {-2}));
  };
  norms0_ = row(square(x0_));
  norms1_ = row(square(x1_));
  cross_ = row(x0_ * x1_);
}

Tensor PairedField::weights(const Tensor& x, const Tensor& t) const {
  if (x.rank() != 2 || x.shape()[1] != x1_.shape()[1])
    throw Error("paired_field: x " + to_string(x.shape()) + " must be [B, " + std::to_string(x1_.shape()[1]) +
                "]");
  const Tensor time = time_factor("paired_field", t, x);
  const Tensor a = path_.a(time), s = path_.s(time);
  // -|x - c_i|^2 / 2 with c_i = a x1_i + s x0_i, less the part that all i share.
  const Tensor products = a * matmul(x, transpose(x1_)) + s * matmul(x, transpose(x0_));
  const Tensor norms = square(a) * norms1_ + square(s) * norms0_ + 2 * a * s * cross_;
  return softmax((products - norms * 0.5) / (square(s) * (blur_ * blur_)));
}

Tensor PairedField::posterior_mean(const Tensor& x, const Tensor& t) const {
  return matmul(weights(x, t), x1_);
}

Tensor PairedField::velocity(const Tensor& x, const Tensor& t) const {
  return velocity_from_mean(path_, posterior_mean(x, t), x, t);
}

Tensor PairedField::posterior_covariance(const Tensor& x, const Tensor& t) const {
  const Tensor w = weights(x, t);
  const Tensor d = x1_ - insert_axes(matmul(w, x1_), {-2});
  return matmul(transpose(insert_axes(w, {-1}) * d), d);
}

}  // namespace nabla::flow
