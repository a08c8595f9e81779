#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor/layout.h"

namespace nabla::cpu {

/// How a tile program walks through memory: axes without those of extent 1, neighbours merged where every
/// input walks them as one. Tiles are pieces of the innermost axis where it is long, and otherwise bundles of
/// whole rows.
class TileWalk {
 public:
  /// `tile` is the most elements of a tile.
  TileWalk(const Shape& shape, std::span<const Layout> inputs, std::int64_t tile);

  std::int64_t elements() const { return elements_; }
  /// Elements of a tile; the last one of an axis may have fewer.
  std::int64_t unit() const { return unit_; }
  /// Must this input be brought into a register, because a tile of it does not lie at one stride?
  bool needs_load(std::size_t input) const { return bundles_rows_ && !dense_[input]; }
  /// Is every tile of this input the same, because all rows are?
  bool is_same_row(std::size_t input) const;
  std::int64_t stride(std::size_t input) const { return bundles_rows_ ? 1 : strides_[input].back(); }

  std::int64_t tile_count() const;
  struct Tile {
    std::int64_t start, count;  // elements of the outputs
  };
  Tile tile(std::int64_t index) const;

  /// Offset in an input of the element at a place of the output.
  std::int64_t offset(std::size_t input, std::int64_t place) const;

  /// Copies a tile of rows of an input into a register.
  template <class T>
  void load(std::size_t input, const T* x, Tile tile, T* to) const {
    const std::int64_t stride = strides_[input].back();
    const bool is_matrix = extents_.size() == 2;
    const T* row = x + offset(input, tile.start);
    for (std::int64_t done = 0; done < tile.count; done += inner_, to += inner_) {
      if (done > 0) row = is_matrix ? row + strides_[input][0] : x + offset(input, tile.start + done);
      if (stride == 1) {
        std::copy(row, row + inner_, to);
      } else if (stride == 0) {
        std::fill(to, to + inner_, *row);
      } else {
        for (std::int64_t i = 0; i < inner_; ++i) to[i] = row[i * stride];
      }
    }
  }

 private:
  bool is_dense(std::size_t input) const;

  std::vector<std::int64_t> extents_;
  std::vector<std::vector<std::int64_t>> strides_;  // by input, then axis
  std::vector<bool> dense_;
  std::int64_t elements_ = 0, inner_ = 1, unit_ = 1;
  bool bundles_rows_ = false;
};

}  // namespace nabla::cpu
