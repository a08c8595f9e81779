#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace nabla {

/// The largest rank of a tensor. Tangents of tangents add leading axes, hence the generous limit.
inline constexpr int kMaxRank = 12;

/// The extents of a tensor, outermost first, stored inline.
/// Axes are written from the left (0 is the outermost) or from the right (-1 is the innermost).
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);
  /// `rank` axes of extent `extent`.
  static Shape filled(int rank, std::int64_t extent);

  int rank() const { return rank_; }
  /// Number of elements (1 for rank 0).
  std::int64_t size() const;
  /// Extent of an axis; the caller guarantees that the axis exists (see `axis_from_right` for a checked
  /// form).
  std::int64_t operator[](int axis) const { return extents_[axis < 0 ? axis + rank_ : axis]; }
  std::int64_t& operator[](int axis) { return extents_[axis < 0 ? axis + rank_ : axis]; }
  /// Extent of axis -1, -2, ...; 1 where the axis lies beyond the rank.
  std::int64_t extent_or_one(int axis_from_right) const {
    return -axis_from_right > rank_ ? 1 : extents_[rank_ + axis_from_right];
  }
  std::span<const std::int64_t> extents() const { return {extents_.data(), static_cast<std::size_t>(rank_)}; }

  void push_back(std::int64_t extent);
  /// The outermost `count` axes / all but the outermost `count` axes.
  Shape first(int count) const;
  Shape without_first(int count) const;

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a.extents_[i] != b.extents_[i]) return false;
    return true;
  }

 private:
  std::array<std::int64_t, kMaxRank> extents_;  // only the first rank_ entries are meaningful
  int rank_ = 0;
};

/// "[2, 3]"
std::string to_string(const Shape& shape);

/// `a` followed by `b`.
Shape concatenate(const Shape& a, const Shape& b);

/// Turns an axis written from either side into one written from the right (-1, -2, ...).
/// @throws Error naming `what` if the axis does not exist.
int axis_from_right(std::string_view what, const Shape& shape, int axis);

/// The shape that two shapes of equal rank broadcast to: extents are equal or one of them is 1.
/// Returns false where they do not fit; `result` is then unspecified.
bool broadcast_shapes(const Shape& a, const Shape& b, Shape& result);

/// Strides in elements of a dense row-major tensor.
std::array<std::int64_t, kMaxRank> dense_strides(const Shape& shape);

}  // namespace nabla
