#pragma once

#include <initializer_list>
#include <vector>

#include "engine/tensor/shape.h"

namespace nabla {

/// A short list of axes, written from either side (0 outermost, -1 innermost). Stored inline.
class Axes {
 public:
  Axes() = default;
  Axes(std::initializer_list<int> axes) : Axes(axes.begin(), axes.end()) {}
  Axes(const std::vector<int>& axes) : Axes(axes.begin(), axes.end()) {}  // NOLINT(*-explicit-*)
  template <class Iterator>
  Axes(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(static_cast<int>(*first));
  }
  /// -count, .., -1: the innermost axes.
  static Axes innermost(int count) {
    Axes axes;
    for (int axis = -count; axis < 0; ++axis) axes.push_back(axis);
    return axes;
  }

  /// @throws Error beyond kMaxRank axes.
  void push_back(int axis) {
    if (size_ == kMaxRank) throw_too_many();
    axes_[size_++] = axis;
  }
  int* begin() { return axes_; }
  int* end() { return axes_ + size_; }
  const int* begin() const { return axes_; }
  const int* end() const { return axes_ + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int operator[](std::size_t i) const { return axes_[i]; }
  int& operator[](std::size_t i) { return axes_[i]; }
  bool contains(int axis) const {
    for (const int a : *this)
      if (a == axis) return true;
    return false;
  }
  void sort() {
    // A handful: each goes down to its place.
    for (std::size_t i = 1; i < size_; ++i)
      for (std::size_t j = i; j > 0 && axes_[j] < axes_[j - 1]; --j) std::swap(axes_[j], axes_[j - 1]);
  }
  /// After sort(): is an axis named twice?
  bool has_duplicates() const {
    for (std::size_t i = 1; i < size(); ++i)
      if (begin()[i] == begin()[i - 1]) return true;
    return false;
  }

 private:
  [[noreturn]] static void throw_too_many();

  int axes_[kMaxRank];
  std::size_t size_ = 0;
};

}  // namespace nabla
