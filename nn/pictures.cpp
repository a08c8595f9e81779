#include "nn/pictures.h"

#include <string>

#include "engine/ops/shaping.h"

namespace nabla::nn {

Tensor as_pictures(const char* what, const Tensor& x, const Shape& picture) {
  const bool is_flat = x.rank() == 2 && x.shape()[1] == picture.size();
  if (!is_flat && !(x.rank() == 4 && x.shape().without_first(1) == picture)) {
    const auto samples = [](const Shape& shape) { return "[B, " + to_string(shape).substr(1); };
    throw Error(std::string(what) + ": the input " + to_string(x.shape()) + " must be " +
                samples(Shape{picture.size()}) + " or " + samples(picture));
  }
  return reshape(x, concatenate(x.shape().first(1), picture));
}

}  // namespace nabla::nn
