#include <array>

#include "tests/spec/checks.h"

// Compressed axes and odd layouts: the same numbers, stored in fewer elements or in another order.

namespace nabla::spec {
namespace {

// `x` with extent 1 on the axes (from the right, bit 0 is axis -1) of `subset`.
Shape compressed(Shape shape, unsigned subset) {
  for (int axis = -1; axis >= -shape.rank(); --axis)
    if (subset >> (-axis - 1) & 1 && shape[axis] != 0) shape[axis] = 1;
  return shape;
}

// Axes along which compressing makes a difference.
bool matters(const Shape& shape, unsigned subset) {
  for (int axis = -1; axis >= -shape.rank(); --axis)
    if (subset >> (-axis - 1) & 1 && shape[axis] < 2) return false;
  return true;
}

constexpr int kViews = 4;
constexpr std::array<const char*, kViews> kViewNames{"permuted", "strided", "flipped", "broadcast"};

// A view, to be computed by the plan and never made dense before.
Tensor view_of(const Tensor& x, int kind) {
  const int rank = x.rank();
  if (rank == 0)
    return drop_axes(slice(concatenate({insert_axes(x, {-1}), insert_axes(x, {-1})}, 0).detach(), 0, 1, 2),
                     {0});
  switch (kind) {
    case 0: {
      std::vector<int> order;
      for (int axis = rank - 1; axis >= 0; --axis) order.push_back(axis);
      return permute(permute(x, order).detach(), order);
    }
    case 1:
      return slice(pad(x, -1, 1, 2, 1).detach(), -1, 1, 1 + 2 * x.shape()[-1], 2);
    case 2: {
      Tensor flipped = x;
      for (int axis = 0; axis < rank; ++axis) flipped = flip(flipped, axis);
      flipped = flipped.detach();
      for (int axis = 0; axis < rank; ++axis) flipped = flip(flipped, axis);
      return flipped;
    }
    default: {
      const int axis = rank > 1 ? 1 : 0;
      if (x.shape()[axis] == 0) return x;
      return broadcast_to(slice(x, axis, 0, 1).detach(), x.shape());
    }
  }
}

}  // namespace

Failures check_compressed(const Spec& spec) {
  Failures failures;
  if (spec.nondifferentiable) return failures;
  Random random = random_for(spec, 30);
  const At at = at_sample(spec, sample_inputs(spec, random));
  for (const bool with_leading : {false, true}) {
    const auto behind = [&](const Shape& shape) {
      return with_leading ? concatenate(Shape{2}, shape) : shape;
    };
    const std::string suffix = with_leading ? ", two at once" : "";

    std::vector<Tensor> full;
    for (const Tensor& x : at.xs) full.push_back(direction(random, behind(x.shape())));
    for (std::size_t i = 0; i < at.xs.size(); ++i) {
      const Shape& shape = at.xs[i].shape();
      for (unsigned subset = 1; subset < (1U << shape.rank()); ++subset) {
        if (!matters(shape, subset)) continue;
        const Tensor small = direction(random, behind(compressed(shape, subset)));
        const Tensor large = broadcast_to(small, behind(shape));
        std::vector<Tensor> dxs = full;
        dxs[i] = small;
        std::vector<Tensor> expanded = full;
        expanded[i] = large;
        const std::string label = "tangent of input " + std::to_string(i) + " compressed along axes " +
                                  std::to_string(subset) + suffix;
        expect_close(failures, label, forward(at.y, at.xs, dxs), forward(at.y, at.xs, expanded),
                     spec.tolerance);
        expect_close(failures, label + ", alone", forward(at.y, {at.xs[i]}, {small}),
                     forward(at.y, {at.xs[i]}, {large}), spec.tolerance);
      }
    }
    for (unsigned subset = 1; subset < (1U << at.y.rank()); ++subset) {
      if (!matters(at.y.shape(), subset)) continue;
      const Tensor small = direction(random, behind(compressed(at.y.shape(), subset)));
      const auto got = reverse(at.y, at.xs, small);
      const auto expected = reverse(at.y, at.xs, broadcast_to(small, behind(at.y.shape())));
      for (std::size_t i = 0; i < got.size(); ++i)
        expect_close(failures,
                     "cotangent compressed along axes " + std::to_string(subset) + suffix + ", input " +
                         std::to_string(i),
                     got[i], expected[i], spec.tolerance);
    }
  }
  return failures;
}

Failures check_layouts(const Spec& spec) {
  Failures failures;
  Random random = random_for(spec, 31);
  const At like = at_sample(spec, sample_inputs(spec, random));
  if (like.inputs.empty()) return failures;
  for (int kind = 0; kind < (spec.broadcast_views ? kViews : kViews - 1); ++kind) {
    const std::string label = std::string(kViewNames[kind]) + " operands: ";
    std::vector<Tensor> views;
    std::vector<Tensor> dense;
    for (const Tensor& input : like.inputs) {
      views.push_back(view_of(input, kind));
      dense.push_back(views.back().detach());
    }
    // Reading the view above left a dense value in it: build it afresh.
    for (std::size_t i = 0; i < views.size(); ++i) views[i] = view_of(like.inputs[i], kind);
    const At odd = at_sample(spec, views);
    const At plain = at_sample(spec, dense);
    expect_close(failures, label + "value", odd.y, plain.y, spec.tolerance);
    if (spec.nondifferentiable) continue;
    std::vector<Tensor> dxs;
    std::vector<Tensor> dense_dxs;
    for (const Tensor& x : like.xs) {
      const Tensor dx = direction(random, x.shape());
      dxs.push_back(view_of(dx, kind));
      dense_dxs.push_back(view_of(dx, kind).detach());
    }
    expect_close(failures, label + "jvp", forward(odd.y, odd.xs, dxs), forward(plain.y, plain.xs, dense_dxs),
                 spec.tolerance);
    const Tensor u = direction(random, like.y.shape());
    const auto pulled = reverse(odd.y, odd.xs, view_of(u, kind));
    const auto expected = reverse(plain.y, plain.xs, view_of(u, kind).detach());
    for (std::size_t i = 0; i < pulled.size(); ++i)
      expect_close(failures, label + "vjp of input " + std::to_string(i), pulled[i], expected[i],
                   spec.tolerance);
  }
  return failures;
}

}  // namespace nabla::spec
