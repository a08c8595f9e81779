#include "flow/empirical_field.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/composed.h"
#include "engine/ops/constant.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "engine/plan/evaluate.h"
#include "flow/field.h"

namespace nabla::flow {
namespace {

// Of the deviations of data from a mean that are there at once.
constexpr std::int64_t kDeviationElements = std::int64_t{1} << 20;

}  // namespace

EmpiricalField::EmpiricalField(const Tensor& data, AffinePath path) : path_(std::move(path)) {
  if (data.rank() != 2 || data.size() == 0 || !is_floating(data.dtype()))
    throw Error("empirical_field: the data " + to_string(data.shape()) + " " +
                std::string(name_of(data.dtype())) + " must be [n, D], floating and not empty");
  centre_ = mean(data, {0}, /*keep_axes=*/true).detach();
  centred_ = (data - centre_).detach();
  transposed_ = transpose(centred_).detach();
  half_norms_ = (sum(square(transposed_), {0}, /*keep_axes=*/true) * 0.5).detach();
}

Tensor EmpiricalField::weights(const Tensor& x, const Tensor& t) const {
  if (x.rank() != 2 || x.shape()[1] != centre_.shape()[1])
    throw Error("empirical_field: x " + to_string(x.shape()) + " must be [B, " +
                std::to_string(centre_.shape()[1]) + "]");
  const Tensor time = time_factor("empirical_field", t, x);
  const Tensor a = path_.a(time);
  // -|y - a z_i|^2 / (2 s^2) with y = x - a c, less the part that all i share.
  const Tensor products = matmul(x - a * centre_, transposed_);
  return softmax((products - a * half_norms_) * (a / square(path_.s(time))));
}

Tensor EmpiricalField::posterior_mean(const Tensor& x, const Tensor& t) const {
  return matmul(weights(x, t), centred_) + centre_;
}

Tensor EmpiricalField::velocity(const Tensor& x, const Tensor& t) const {
  return velocity_from_mean(path_, posterior_mean(x, t), x, t);
}

// x_i - m: [B, n, D].
Tensor EmpiricalField::deviations(const Tensor& w) const {
  return centred_ - insert_axes(matmul(w, centred_), {-2});
}

// The deviations of all are B n D elements: of some samples and data at once.
Tensor EmpiricalField::posterior_covariance(const Tensor& x, const Tensor& t) const {
  const Tensor w = weights(x, t);
  const Tensor m = matmul(w, centred_);
  const std::int64_t samples = x.shape()[0], data = centred_.shape()[0], elements = centred_.shape()[1];
  const std::int64_t data_at_once = std::clamp<std::int64_t>(kDeviationElements / elements, 1, data);
  const std::int64_t at_once = std::max<std::int64_t>(1, kDeviationElements / (data_at_once * elements));
  std::vector<Tensor> covariances{zeros(Shape{0, elements, elements}, x.dtype())};
  for (std::int64_t first = 0; first < samples; first += at_once) {
    const std::int64_t last = std::min(samples, first + at_once);
    const Tensor mean = insert_axes(slice(m, 0, first, last), {-2});
    const Tensor weight = insert_axes(slice(w, 0, first, last), {-1});
    Tensor covariance;
    for (std::int64_t start = 0; start < data; start += data_at_once) {
      const std::int64_t stop = std::min(data, start + data_at_once);
      const Tensor d = slice(centred_, 0, start, stop) - mean;
      const Tensor part = matmul(transpose(slice(weight, 1, start, stop) * d), d);
      covariance = covariance ? covariance + part : part;
    }
    covariances.push_back(covariance);
  }
  return concatenate(covariances, 0);
}

Tensor EmpiricalField::posterior_trace(const Tensor& x, const Tensor& t) const {
  const Tensor w = weights(x, t);
  return sum(w * sum(square(deviations(w)), {-1}), {-1});
}

Tensor EmpiricalField::effective_sample_size(const Tensor& x, const Tensor& t) const {
  return reciprocal(sum(square(weights(x, t)), {-1}));
}

}  // namespace nabla::flow
