#include "flow/metrics/controls.h"

#include <cmath>
#include <numbers>
#include <string>

#include "engine/ops/composed.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/reduction.h"
#include "engine/ops/shaping.h"
#include "engine/spectral/dense/symmetric_eigenvalues.h"
#include "engine/tensor/number_text.h"
#include "flow/metrics/sample_set.h"

namespace nabla::flow {
namespace {

// Standard normal numbers, `count` rows as wide as an axis of the data.
Tensor normals(const char* what, const Tensor& key, const Tensor& data, std::int64_t count, int axis) {
  require_samples(what, data);
  if (count < 1)
    throw Error(std::string(what) + ": " + std::to_string(count) + " samples; there must be at least one");
  return normal(key, Shape{count, data.shape()[axis]}, data.dtype());
}

}  // namespace

Tensor noise(const Tensor& key, const Tensor& data, std::int64_t count) {
  return normals("noise", key, data, count, 1);
}

Tensor independent_gaussians(const Tensor& key, const Tensor& data, std::int64_t count) {
  const Tensor z = normals("independent_gaussians", key, data, count, 1);
  return mean(data, {0}) + z * sqrt(var(data, {0}));
}

Tensor full_gaussian(const Tensor& key, const Tensor& data, std::int64_t count) {
  const Tensor z = normals("full_gaussian", key, data, count, 0);
  const Tensor center = mean(data, {0});
  return center + matmul(z, data - center) * (1 / std::sqrt(static_cast<double>(data.shape()[0])));
}

Tensor full_gaussian_log_density(const Tensor& data, const Tensor& x) {
  require_sample_sets("full_gaussian_log_density", data, x);
  const Tensor of = cast(data, DType::f64);
  const Tensor center = mean(of, {0});
  const Tensor covariance =
      matmul(transpose(of - center), of - center) / static_cast<double>(data.shape()[0]);
  const std::size_t size = data.shape()[1];
  const SymmetricEigen eigen = symmetric_eigen(covariance.data<double>(), size);
  const double rounding = 1e-15 * static_cast<double>(size) * eigen.values.back();
  if (!(eigen.values.front() > rounding))
    throw Error("full_gaussian_log_density: the covariance of data " + to_string(data.shape()) +
                " has no inverse: its smallest eigenvalue is " + number_text(eigen.values.front()) +
                ", its largest " + number_text(eigen.values.back()));
  const Tensor variances = tensor<double>(eigen.values, Shape{data.shape()[1]});
  const Tensor basis = tensor<double>(eigen.vectors, Shape{data.shape()[1], data.shape()[1]});
  const Tensor along = matmul(cast(x, DType::f64) - center, transpose(basis));
  return (sum(square(along) / variances + log(variances), {-1}) +
          static_cast<double>(size) * std::log(2 * std::numbers::pi)) *
         -0.5;
}

}  // namespace nabla::flow
