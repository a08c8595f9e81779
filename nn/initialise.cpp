#include "nn/initialise.h"

#include <cmath>

#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"

namespace nabla::nn {

Tensor scaled_normal(const Tensor& key, std::int64_t inputs, std::int64_t outputs, double gain, DType dtype) {
  if (inputs < 1 || outputs < 1)
    throw Error("scaled_normal: a weight of " + std::to_string(inputs) + " inputs and " +
                std::to_string(outputs) + " outputs is empty");
  return normal(key, Shape{inputs, outputs}, dtype) * (gain / std::sqrt(static_cast<double>(inputs)));
}

}  // namespace nabla::nn
