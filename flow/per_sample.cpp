#include "flow/per_sample.h"

#include <cstdint>
#include <vector>

#include "engine/ops/shaping.h"

namespace nabla::flow {
namespace {

Tensor leaf_of(std::span<const double> numbers, DType dtype, const Shape& shape) {
  if (dtype == DType::f64) return tensor<double>(numbers, shape);
  std::vector<float> rounded(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) rounded[i] = static_cast<float>(numbers[i]);
  return tensor<float>(rounded, shape);
}

}  // namespace

Tensor per_sample_times(std::span<const double> times, DType dtype) {
  return leaf_of(times, dtype, Shape{static_cast<std::int64_t>(times.size()), 1});
}

Tensor per_sample_factor(std::span<const double> numbers, const Tensor& x) {
  const Shape batch{static_cast<std::int64_t>(numbers.size())};
  return leaf_of(numbers, x.dtype(), concatenate(batch, Shape::filled(x.rank() - 1, 1)));
}

Axes element_axes(const Tensor& x) {
  Axes axes;
  for (int axis = 1 - x.rank(); axis < 0; ++axis) axes.push_back(axis);
  return axes;
}

}  // namespace nabla::flow
