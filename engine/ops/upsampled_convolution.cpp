#include "engine/ops/upsampled_convolution.h"

#include <algorithm>
#include <string>

#include "engine/graph/node.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/pooling.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"

namespace nabla {
namespace {

std::int64_t number_at(const std::vector<std::int64_t>& list, int axis, std::int64_t usual) {
  return list.empty() ? usual : list[list.size() == 1 ? 0 : static_cast<std::size_t>(axis)];
}

// Sums of the weights that fall on an element's copies along one axis, for each distance from its first copy
// to the place: [.., W, ..] -> [.., W + factor - 1, ..], the largest distance first, for the transpose goes
// the other way.
Tensor sums_on_copies(const Tensor& weight, int axis, std::int64_t factor) {
  const std::int64_t distances = weight.shape()[axis] + factor - 1;
  const Tensor padded = pad(weight, axis, factor - 1, factor - 1);
  Tensor total = slice(padded, axis, 0, distances);
  for (std::int64_t copy = 1; copy < factor; ++copy)
    total = total + slice(padded, axis, copy, copy + distances);
  return flip(total, axis);
}

// [O, C / groups, *W] -> [C, O / groups, *W].
Tensor other_way_round(const Tensor& weight, std::int64_t groups) {
  const Shape window = weight.shape().without_first(2);
  const std::int64_t outputs = weight.shape()[0] / groups, inputs = weight.shape()[1];
  const Tensor of_groups = reshape(weight, concatenate(Shape{groups, outputs, inputs}, window));
  const Tensor turned = transpose(of_groups, 1, 2);
  return reshape(turned, concatenate(Shape{groups * inputs, outputs}, window));
}

}  // namespace

Tensor upsampled_convolution(const Operand& data, const Operand& weight,
                             const std::vector<std::int64_t>& factors, const ConvolutionOptions& options) {
  const SourceScope scope(data.where());
  const Tensor& x = data.tensor();
  Tensor w = weight.tensor();
  const int spatial = w.rank() - 2;
  const auto in_two_steps = [&] { return convolution(upsample_nearest(x, factors), w, options); };
  const auto fits = [&](const std::vector<std::int64_t>& list) {
    return list.size() <= 1 || static_cast<int>(list.size()) == spatial;
  };
  // Faults are named by the two.
  if (spatial < 1 || spatial > 3 || static_cast<int>(factors.size()) != spatial || x.rank() <= spatial ||
      std::ranges::any_of(factors, [](std::int64_t factor) { return factor < 1; }) || options.groups < 1 ||
      w.shape()[0] % options.groups != 0 || x.shape()[-spatial - 1] != options.groups * w.shape()[1] ||
      x.dtype() != w.dtype() || !is_floating(x.dtype()) || !fits(options.stride) || !fits(options.padding) ||
      !fits(options.padding_after) || !fits(options.dilation) || w.size() == 0 || x.size() == 0)
    return in_two_steps();

  TransposedConvolutionOptions transposed{.window = {.groups = options.groups}};
  for (int i = 0; i < spatial; ++i) {
    const std::int64_t window = w.shape()[i + 2], places = x.shape()[i - spatial] * factors[i];
    const std::int64_t before = number_at(options.padding, i, 0);
    const std::int64_t after = number_at(options.padding_after, i, before);
    if (number_at(options.stride, i, 1) != 1 || number_at(options.dilation, i, 1) != 1 || before < 0 ||
        after < 0 || before >= window || after >= window || places + before + after < window)
      return in_two_steps();
    transposed.window.stride.push_back(factors[i]);
    transposed.window.padding.push_back(window - 1 - before);
    transposed.window.padding_after.push_back(window - 1 - after);
  }
  for (int axis = -spatial; axis < 0; ++axis) w = sums_on_copies(w, axis, factors[axis + spatial]);
  return transposed_convolution(x, other_way_round(w, options.groups), transposed);
}

}  // namespace nabla
