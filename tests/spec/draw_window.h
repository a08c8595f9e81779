#pragma once

#include <algorithm>

#include "tests/spec/sample.h"

// Convolutions and attention of random programs and fields: operands made of any value's elements.

namespace nabla::spec {

/// A window over one axis of `extent` elements, and the weight's extents for `inputs` channels.
struct DrawnWindow {
  ConvolutionOptions options;
  Shape weight;
};
template <class Pick>
DrawnWindow draw_window(const Pick& pick, std::int64_t inputs, std::int64_t extent) {
  const std::int64_t groups = inputs % 2 == 0 && pick(3) == 0 ? 2 : 1;
  const std::int64_t before = pick(2), after = pick(2), dilation = 1 + pick(2);
  std::int64_t window = 1 + pick(3);
  while (dilation * (window - 1) + 1 > extent + before + after) --window;
  return {{.stride = {1 + pick(2)},
           .padding = {before},
           .padding_after = {after},
           .dilation = {dilation},
           .groups = groups},
          Shape{groups * (1 + pick(2)), inputs / groups, window}};
}

/// Elements of `from`, any number of times, in this shape.
template <class Pick>
Builder drawn_elements(const Pick& pick, std::int64_t from, const Shape& shape) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(shape.size()));
  for (std::int64_t& place : places) place = pick(static_cast<int>(from));
  const Tensor picked = tensor<std::int64_t>(places, {shape.size()});
  return [=](const std::vector<Tensor>& x) {
    return reshape(take(reshape(x[0], std::vector<std::int64_t>{-1}), picked), shape);
  };
}

}  // namespace nabla::spec
