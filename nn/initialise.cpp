#include "nn/initialise.h"

#include <cmath>

#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"

namespace nabla::nn {
namespace {

// Uniform between -bound and bound.
Tensor within(double bound, const Tensor& key, const Shape& shape, DType dtype) {
  return (uniform(key, shape, dtype) * 2 - 1) * bound;
}

}  // namespace

Tensor scaled_normal(const Tensor& key, std::int64_t inputs, std::int64_t outputs, double gain, DType dtype) {
  if (inputs < 1 || outputs < 1)
    throw Error("scaled_normal: a weight of " + std::to_string(inputs) + " inputs and " +
                std::to_string(outputs) + " outputs is empty");
  return normal(key, Shape{inputs, outputs}, dtype) * (gain / std::sqrt(static_cast<double>(inputs)));
}

Tensor fan_in_uniform(const Tensor& key, const Shape& shape, std::int64_t fan_in, DType dtype) {
  if (fan_in < 1)
    throw Error("fan_in_uniform: a parameter " + to_string(shape) + " of fan-in " + std::to_string(fan_in) +
                "; it is 1 at least");
  return within(1 / std::sqrt(static_cast<double>(fan_in)), key, shape, dtype);
}

Tensor fan_average_uniform(const Tensor& key, const Shape& shape, DType dtype) {
  if (shape.rank() != 2 || shape.size() == 0)
    throw Error("fan_average_uniform: a weight " + to_string(shape) +
                " must be [outputs, inputs], not empty");
  return within(std::sqrt(6 / static_cast<double>(shape[0] + shape[1])), key, shape, dtype);
}

}  // namespace nabla::nn
