#include "engine/backend/cuda/source/tile/tile_operand.h"

#include <algorithm>
#include <cstdlib>

namespace nabla::cuda {

OperandWalk::OperandWalk(const Layout& axes) : walk_(merged<1>(axes.shape, {&axes})) {
  if (walk_.rank() == 1 && walk_[0].strides[0] == 0) walk_ = {};
}

std::int64_t OperandWalk::reach() const {
  std::int64_t reach = 0;
  for (const auto& [extent, stride] : walk_.axes()) reach += (extent - 1) * std::abs(stride[0]);
  return reach;
}

bool OperandWalk::steps_by(int lanes) const {
  for (int i = 0; i + 1 < walk_.rank(); ++i)
    if (walk_[i].strides[0] % lanes != 0) return false;
  return true;
}

std::optional<OperandWalk::Transposed> OperandWalk::transposed() const {
  if (std::abs(innermost_stride()) < 2) return std::nullopt;
  for (int i = 0; i < walk_.rank(); ++i)
    if (std::abs(walk_[i].strides[0]) == 1)
      return Transposed{walk_[i].extent, walk_.without_first(i + 1).size(), walk_.inner_extent()};
  return std::nullopt;
}

bool OperandWalk::is_signed() const {
  return std::ranges::any_of(walk_.axes(), [](const Walk<1>::Axis& axis) { return axis.strides[0] < 0; });
}

std::string OperandWalk::offset(const std::string& index, bool is_wide) const {
  std::string text;
  std::int64_t inside = walk_.size();  // elements of all axes further in
  for (int i = 0; i < walk_.rank(); ++i) {
    const std::int64_t stride = walk_[i].strides[0], step = std::abs(stride);
    inside /= walk_[i].extent;
    if (stride == 0) continue;
    std::string at = index;
    if (inside > 1) at += " / " + std::to_string(inside) + "u";
    if (i > 0) at += " % " + std::to_string(walk_[i].extent) + "u";
    if (step != 1) at += " * " + std::to_string(step) + "u";
    if (stride < 0)
      text += text.empty() ? "-(" + at + ")" : " - " + at;
    else
      text += text.empty() ? at : " + " + at;
  }
  // The unsigned index wraps around on its way.
  return is_signed() ? std::string(is_wide ? "i64(" : "i32(") + text + ")" : text;
}

std::string moved(const std::string& base, const std::string& offset) {
  return offset.empty() ? base : base + " + " + offset;
}

TileOperand::TileOperand(const Layout& layout, int split)
    : outer(axes_of(layout, 0, split)),
      inner(axes_of(layout, split, layout.shape.rank() - split)),
      offset(layout.offset) {}

TileAccess TileOperand::access(int lanes) const {
  if (inner.is_uniform()) return TileAccess::one;
  if (lanes == 1 || !inner.keeps_together(lanes)) return TileAccess::each;
  if (inner.innermost_stride() == 0) return TileAccess::one;
  const bool is_aligned = offset % lanes == 0 && outer.steps_by(lanes) &&
                          outer.innermost_stride() % lanes == 0 && inner.steps_by(lanes);
  if (inner.innermost_stride() == 1 && is_aligned) return TileAccess::vector;
  return TileAccess::run;
}

}  // namespace nabla::cuda
