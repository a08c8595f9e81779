#include "engine/backend/cuda/source/tile/tile_walk.h"

#include <algorithm>
#include <cstdlib>

namespace nabla::cuda {

TileWalk::TileWalk(std::span<const std::int64_t> extents, std::span<const std::int64_t> strides) {
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (extents[i] == 1) continue;
    if (!axes_.empty() && axes_.back().stride == strides[i] * extents[i]) {
      axes_.back().extent *= extents[i];
      axes_.back().stride = strides[i];
    } else {
      axes_.push_back({extents[i], strides[i]});
    }
  }
  std::int64_t inner = 1;
  for (std::size_t i = axes_.size(); i-- > 0; inner *= axes_[i].extent) axes_[i].inner = inner;
  if (axes_.size() == 1 && axes_[0].stride == 0) axes_.clear();
}

std::int64_t TileWalk::reach() const {
  std::int64_t reach = 0;
  for (const Axis& axis : axes_) reach += (axis.extent - 1) * std::abs(axis.stride);
  return reach;
}

bool TileWalk::steps_by(int lanes) const {
  return axes_.empty() || std::all_of(axes_.begin(), axes_.end() - 1,
                                      [&](const Axis& axis) { return axis.stride % lanes == 0; });
}

std::optional<TileWalk::Turned> TileWalk::turned() const {
  if (std::abs(innermost_stride()) < 2) return std::nullopt;
  for (const Axis& axis : axes_)
    if (std::abs(axis.stride) == 1) return Turned{axis.extent, axis.inner, axes_.back().extent};
  return std::nullopt;
}

bool TileWalk::is_signed() const {
  return std::ranges::any_of(axes_, [](const Axis& axis) { return axis.stride < 0; });
}

std::string TileWalk::offset(const std::string& index, bool is_wide) const {
  std::string made;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    const Axis& axis = axes_[i];
    if (axis.stride == 0) continue;
    std::string at = index;
    if (axis.inner > 1) at += " / " + std::to_string(axis.inner) + "u";
    if (i > 0) at += " % " + std::to_string(axis.extent) + "u";
    if (std::abs(axis.stride) != 1) at += " * " + std::to_string(std::abs(axis.stride)) + "u";
    if (axis.stride < 0)
      made += made.empty() ? "-(" + at + ")" : " - " + at;
    else
      made += made.empty() ? at : " + " + at;
  }
  // The unsigned index wraps around on its way.
  return is_signed() ? std::string(is_wide ? "i64(" : "i32(") + made + ")" : made;
}

std::string moved(const std::string& base, const std::string& offset) {
  return offset.empty() ? base : base + " + " + offset;
}

TileOperand::TileOperand(const Layout& layout, int split)
    : outer(layout.shape.extents().first(static_cast<std::size_t>(split)),
            std::span(layout.strides).first(static_cast<std::size_t>(split))),
      inner(layout.shape.extents().subspan(static_cast<std::size_t>(split)),
            std::span(layout.strides)
                .subspan(static_cast<std::size_t>(split),
                         static_cast<std::size_t>(layout.shape.rank() - split))),
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
