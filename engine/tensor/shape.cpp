#include "engine/tensor/shape.h"

#include "engine/tensor/axes.h"
#include "engine/tensor/error.h"

namespace nabla {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::span(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) {
  for (const std::int64_t extent : extents) push_back(extent);
}

Shape Shape::filled(int rank, std::int64_t extent) {
  Shape shape;
  for (int i = 0; i < rank; ++i) shape.push_back(extent);
  return shape;
}

std::int64_t Shape::size() const {
  std::int64_t product = 1;
  for (int i = 0; i < rank_; ++i)
    if (__builtin_mul_overflow(product, extents_[i], &product))
      throw Error("shape: " + to_string(*this) + " has more elements than can be counted");
  return product;
}

void Shape::push_back(std::int64_t extent) {
  if (rank_ == kMaxRank)
    throw Error("shape: more than " + std::to_string(kMaxRank) + " axes in " + to_string(*this));
  if (extent < 0)
    throw Error("shape: negative extent " + std::to_string(extent) + " after " + to_string(*this));
  extents_[rank_++] = extent;
}

Shape Shape::first(int count) const { return Shape(extents().first(static_cast<std::size_t>(count))); }
Shape Shape::without_first(int count) const {
  return Shape(extents().subspan(static_cast<std::size_t>(count)));
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int i = 0; i < shape.rank(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

Shape concatenate(const Shape& a, const Shape& b) {
  Shape result = a;
  for (const std::int64_t extent : b.extents()) result.push_back(extent);
  return result;
}

int axis_from_right(std::string_view what, const Shape& shape, int axis) {
  const int result = axis < 0 ? axis : axis - shape.rank();
  if (result >= 0 || result < -shape.rank())
    throw Error(std::string(what) + ": no axis " + std::to_string(axis) + " in shape " + to_string(shape));
  return result;
}

bool broadcast_shapes(const Shape& a, const Shape& b, Shape& result) {
  if (a.rank() != b.rank()) return false;
  result = a;
  for (int i = 0; i < a.rank(); ++i) {
    if (a[i] == b[i] || b[i] == 1) continue;
    if (a[i] != 1) return false;
    result[i] = b[i];
  }
  return true;
}

std::array<std::int64_t, kMaxRank> dense_strides(const Shape& shape) {
  std::array<std::int64_t, kMaxRank> strides{};
  std::int64_t stride = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

void Axes::throw_too_many() { throw Error("axes: more than " + std::to_string(kMaxRank) + " are named"); }

}  // namespace nabla
