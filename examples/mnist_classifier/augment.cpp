#include "examples/mnist_classifier/augment.h"

#include "engine/engine.h"

namespace nabla::mnist_classifier {

Tensor to_input(const Tensor& levels) { return insert_axes(cast(levels, DType::f32) * (1.0 / 255), {-3}); }

Tensor shift_randomly(const Tensor& images, std::int64_t reach, const Tensor& key) {
  const std::int64_t count = images.shape()[0];
  // For each image the rows, then the columns, that its own are taken from.
  Tensor shifted = images;
  for (const int axis : {-2, -1}) {
    const std::int64_t extent = images.shape()[axis];
    const Tensor start = integers(fold_in(key, axis), Shape{count, 1, 1}, 0, 2 * reach + 1);
    const Tensor places = iota(extent);
    const Tensor from = start + (axis == -2 ? insert_axes(places, {-1}) : places);
    shifted = gather(pad(shifted, axis, reach, reach), from, axis);
  }
  return shifted;
}

}  // namespace nabla::mnist_classifier
