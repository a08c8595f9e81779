#include "engine/backend/cpu/tile/tile_walk.h"

namespace nabla::cpu {
namespace {

bool stands_still(const Walk<1>::Axis& axis) { return axis.strides[0] == 0; }

bool is_dense_walk(const Walk<1>& walk) { return walk.inner_stride(0) == 1 && walk.is_one_axis(0); }

}  // namespace

TileWalk::TileWalk(const Shape& shape, std::span<const Layout> inputs, std::int64_t tile, std::int64_t row)
    : elements_(shape.size()) {
  const Walk<> walk = merged(shape, inputs);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    inputs_.push_back(walk.of(k));
    dense_.push_back(is_dense_walk(inputs_[k]));
  }
  inner_ = std::max<std::int64_t>(1, walk.inner_extent());
  bundles_rows_ = row > 0 || (walk.rank() > 1 && 2 * inner_ <= tile);
  if (row == 0) row = inner_;
  unit_ = bundles_rows_ ? row * std::max<std::int64_t>(1, tile / row) : std::min(inner_, tile);
}

bool TileWalk::is_same_row(std::size_t input) const {
  const auto axes = inputs_[input].axes();
  return axes.size() > 1 && unit_ % inner_ == 0 &&
         std::ranges::all_of(axes.first(axes.size() - 1), stands_still);
}

bool TileWalk::is_uniform(std::size_t input) const {
  return inputs_[input].rank() > 0 && std::ranges::all_of(inputs_[input].axes(), stands_still);
}

std::int64_t TileWalk::tile_count() const {
  if (bundles_rows_) return (elements_ + unit_ - 1) / unit_;
  return elements_ / inner_ * ((inner_ + unit_ - 1) / unit_);
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

}  // namespace nabla::cpu
