#include "flow/metrics/controls.h"

#include <cmath>
#include <string>

#include "engine/ops/composed.h"
#include "engine/ops/contraction.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
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

}  // namespace nabla::flow
