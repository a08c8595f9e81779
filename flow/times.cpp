#include "flow/times.h"

#include <string>

#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"

namespace nabla::flow {

Tensor uniform_times(const Tensor& key, std::int64_t count, DType dtype) {
  return uniform(key, Shape{count, 1}, dtype);
}

Tensor stratified_times(const Tensor& key, std::int64_t count, DType dtype) {
  const Tensor place = reshape(iota(count, dtype), Shape{count, 1});
  return (place + uniform(key, Shape{count, 1}, dtype)) * (1.0 / static_cast<double>(count));
}

Tensor logit_normal_times(const Tensor& key, std::int64_t count, double mean, double deviation, DType dtype) {
  if (!(deviation > 0))
    throw Error("logit_normal_times: the deviation " + std::to_string(deviation) + " must be positive");
  return sigmoid(normal(key, Shape{count, 1}, dtype) * deviation + mean);
}

}  // namespace nabla::flow
