#include "engine/backend/cpu/tile/tile_walk.h"

namespace nabla::cpu {

TileWalk::TileWalk(const Shape& shape, std::span<const Layout> inputs, std::int64_t tile, std::int64_t row)
    : strides_(inputs.size()) {
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    const std::size_t at = axis;
    const bool merges = !extents_.empty() && std::ranges::all_of(inputs, [&](const Layout& x) {
      const std::size_t which = &x - inputs.data();
      return strides_[which].back() == x.strides[at] * shape[axis];
    });
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (merges) strides_[k].pop_back();
      strides_[k].push_back(inputs[k].strides[at]);
    }
    if (merges) {
      extents_.back() *= shape[axis];
    } else {
      extents_.push_back(shape[axis]);
    }
  }
  if (extents_.empty()) {
    extents_.push_back(1);
    for (std::vector<std::int64_t>& strides : strides_) strides.push_back(1);
  }
  elements_ = shape.size();
  if (elements_ == 0) extents_.assign(extents_.size(), 1);  // nothing is walked
  inner_ = extents_.back();
  bundles_rows_ = row > 0 || (extents_.size() > 1 && 2 * inner_ <= tile);
  if (row == 0) row = inner_;
  unit_ = bundles_rows_ ? row * std::max<std::int64_t>(1, tile / row) : std::min(inner_, tile);
  for (std::size_t k = 0; k < inputs.size(); ++k) dense_.push_back(lies_densely(k));
}

bool TileWalk::is_same_row(std::size_t input) const {
  return extents_.size() > 1 && unit_ % inner_ == 0 &&
         std::all_of(strides_[input].begin(), strides_[input].end() - 1,
                     [](std::int64_t s) { return s == 0; });
}

bool TileWalk::is_uniform(std::size_t input) const {
  return std::ranges::all_of(strides_[input], [](std::int64_t s) { return s == 0; });
}

std::int64_t TileWalk::tile_count() const {
  if (bundles_rows_) return (elements_ + unit_ - 1) / unit_;
  return elements_ / std::max<std::int64_t>(1, inner_) *
         ((inner_ + unit_ - 1) / std::max<std::int64_t>(1, unit_));
}

TileWalk::Tile TileWalk::tile(std::int64_t index) const {
  if (bundles_rows_) {
    const std::int64_t start = index * unit_;
    return {start, std::min(unit_, elements_ - start)};
  }
  const std::int64_t pieces = (inner_ + unit_ - 1) / unit_;
  const std::int64_t within = index % pieces * unit_;
  return {index / pieces * inner_ + within, std::min(unit_, inner_ - within)};
}

std::int64_t TileWalk::offset(std::size_t input, std::int64_t place) const {
  if (dense_[input]) return place;
  std::int64_t offset = 0;
  for (std::size_t axis = extents_.size(); axis-- > 0;) {
    offset += place % extents_[axis] * strides_[input][axis];
    place /= extents_[axis];
  }
  return offset;
}

bool TileWalk::lies_densely(std::size_t input) const {
  std::int64_t expected = 1;
  for (std::size_t axis = extents_.size(); axis-- > 0; expected *= extents_[axis])
    if (strides_[input][axis] != expected) return false;
  return true;
}

}  // namespace nabla::cpu
