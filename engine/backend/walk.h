#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <vector>

#include "engine/tensor/layout.h"

// Operands of one shape, walked together by one row-major index.

namespace nabla {

/// Axes along which N operands are walked, the outermost first; any number of operands where N is left out.
/// Axes are stored inline.
template <std::size_t N = std::dynamic_extent>
class Walk {
 public:
  struct Axis {
    std::int64_t extent;
    /// Of each operand, in elements.
    std::conditional_t<N == std::dynamic_extent, std::vector<std::int64_t>, std::array<std::int64_t, N>>
        strides;
  };

  int rank() const { return rank_; }
  std::span<const Axis> axes() const { return {axes_.data(), static_cast<std::size_t>(rank_)}; }
  std::span<Axis> axes() { return {axes_.data(), static_cast<std::size_t>(rank_)}; }
  const Axis& operator[](int axis) const { return axes_[axis]; }

  /// Places in all.
  std::int64_t size() const { return outer_size() * inner_extent(); }
  /// Places of all axes but the innermost.
  std::int64_t outer_size() const {
    std::int64_t size = 1;
    for (int i = 0; i + 1 < rank_; ++i) size *= axes_[i].extent;
    return size;
  }
  std::int64_t inner_extent() const { return rank_ == 0 ? 1 : axes_[rank_ - 1].extent; }
  /// A single element may claim any stride: that of dense ones unless another is given.
  std::int64_t inner_stride(std::size_t operand, std::int64_t of_one_element = 1) const {
    return rank_ == 0 ? of_one_element : axes_[rank_ - 1].strides[operand];
  }

  /// Where an operand's element with this index lies.
  std::int64_t offset(std::int64_t index, std::size_t operand) const {
    std::int64_t offset = 0;
    for (int i = rank_; i-- > 0;) {
      offset += index % axes_[i].extent * axes_[i].strides[operand];
      index /= axes_[i].extent;
    }
    return offset;
  }

  /// Does the operand walk all axes like one, each stride being the next one's times its extent?
  bool is_one_axis(std::size_t operand) const {
    for (int i = 0; i + 1 < rank_; ++i)
      if (axes_[i].strides[operand] != axes_[i + 1].strides[operand] * axes_[i + 1].extent) return false;
    return true;
  }

  /// Adds an axis within the others.
  void push_back(const Axis& axis) { axes_[rank_++] = axis; }
  /// The same; it becomes one axis with the innermost where every operand walks both as one.
  void merge(const Axis& axis) {
    if (rank_ == 0 || !continues(axes_[rank_ - 1], axis)) return push_back(axis);
    const std::int64_t outer = axes_[rank_ - 1].extent;
    axes_[rank_ - 1] = axis;
    axes_[rank_ - 1].extent *= outer;
  }
  Walk without(int axis) const {
    Walk rest;
    for (int i = 0; i < rank_; ++i)
      if (i != axis) rest.push_back(axes_[i]);
    return rest;
  }
  Walk without_first(int count) const {
    Walk rest;
    for (int i = count; i < rank_; ++i) rest.push_back(axes_[i]);
    return rest;
  }
  /// The same axes for one of the operands alone.
  Walk<1> of(std::size_t operand) const {
    Walk<1> one;
    for (const Axis& axis : axes()) one.push_back({axis.extent, {axis.strides[operand]}});
    return one;
  }

 private:
  static bool continues(const Axis& outer, const Axis& inner) {
    for (std::size_t k = 0; k < inner.strides.size(); ++k)
      if (outer.strides[k] != inner.strides[k] * inner.extent) return false;
    return true;
  }

  std::array<Axis, kMaxRank> axes_;  // only the first rank_ are meaningful
  int rank_ = 0;
};

/// A walk over `shape` with as few axes as the operands allow: those of extent 1 are gone, neighbours that
/// every operand walks as one are merged. An operand repeats along axes where it has extent 1. A walk over no
/// places is one axis of extent 0. `operand` gives the layout of an operand, which has the rank of the shape.
template <std::size_t N, class LayoutOf>
Walk<N> merged(const Shape& shape, std::size_t operands, const LayoutOf& operand) {
  Walk<N> walk;
  typename Walk<N>::Axis axis{};
  if constexpr (N == std::dynamic_extent) axis.strides.resize(operands);
  if (shape.size() == 0) {
    walk.push_back(axis);
    return walk;
  }
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    axis.extent = shape[i];
    for (std::size_t k = 0; k < operands; ++k) {
      const Layout& layout = operand(k);
      axis.strides[k] = layout.shape[i] == 1 ? 0 : layout.strides[i];
    }
    walk.merge(axis);
  }
  return walk;
}
template <std::size_t N>
Walk<N> merged(const Shape& shape, const std::array<const Layout*, N>& operands) {
  return merged<N>(shape, N, [&](std::size_t k) -> const Layout& { return *operands[k]; });
}
inline Walk<> merged(const Shape& shape, std::span<const Layout> operands) {
  return merged<std::dynamic_extent>(shape, operands.size(),
                                     [&](std::size_t k) -> const Layout& { return operands[k]; });
}
inline Walk<> merged(const Shape& shape, std::initializer_list<Layout> operands) {
  return merged(shape, std::span(operands.begin(), operands.size()));
}

/// The layout of `count` axes from the axis `first` (from the left) on, at the same offset.
inline Layout axes_of(const Layout& layout, int first, int count) {
  Layout part{layout.shape.without_first(first).first(count), {}, layout.offset};
  for (int i = 0; i < count; ++i) part.strides[i] = layout.strides[first + i];
  return part;
}

}  // namespace nabla
