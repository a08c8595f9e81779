#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/backend/walk.h"

namespace nabla::cpu {

/// How a tile program walks through memory. Tiles are pieces of the innermost axis where it is long, and
/// otherwise bundles of whole rows; or always bundles of `row` elements that stay together.
class TileWalk {
 public:
  /// `tile` is the most elements of a tile, but for a single row. `row` 0 leaves the choice of tiles free.
  TileWalk(const Shape& shape, std::span<const Layout> inputs, std::int64_t tile, std::int64_t row = 0);

  std::int64_t elements() const { return elements_; }
  /// Elements of a tile; the last one of an axis may have fewer.
  std::int64_t unit() const { return unit_; }
  /// Must this input be brought into a register, because a tile of it does not lie at one stride?
  bool needs_load(std::size_t input) const { return bundles_rows_ && !dense_[input]; }
  /// Is every tile of this input the same, because all rows are?
  bool is_same_row(std::size_t input) const;
  /// Is it one element for all places?
  bool is_uniform(std::size_t input) const;
  /// Does it lie like the output?
  bool is_dense(std::size_t input) const { return dense_[input]; }
  std::int64_t stride(std::size_t input) const { return bundles_rows_ ? 1 : inputs_[input].inner_stride(0); }

  std::int64_t tile_count() const;
  struct Tile {
    std::int64_t start, count;  // elements of the outputs
  };
  Tile tile(std::int64_t index) const;

  /// Offset in an input of the element at a place of the output.
  std::int64_t offset(std::size_t input, std::int64_t place) const {
    return dense_[input] ? place : inputs_[input].offset(place, 0);
  }

  /// Copies a tile of an input into a register.
  template <class T>
  void load(std::size_t input, const T* x, Tile tile, T* to) const {
    const Walk<1>& walk = inputs_[input];
    const std::int64_t stride = walk.inner_stride(0);
    const bool is_matrix = walk.rank() == 2;
    const T* row = x + offset(input, tile.start);
    std::int64_t run = std::min(tile.count, inner_ - tile.start % inner_);
    for (std::int64_t done = 0;;) {
      if (stride == 1) {
        std::copy(row, row + run, to);
      } else if (stride == 0) {
        std::fill(to, to + run, *row);
      } else {
        for (std::int64_t i = 0; i < run; ++i) to[i] = row[i * stride];
      }
      done += run;
      if (done == tile.count) break;
      to += run;
      row = is_matrix && run == inner_ ? row + walk[0].strides[0] : x + offset(input, tile.start + done);
      run = std::min(inner_, tile.count - done);
    }
  }

 private:
  std::vector<Walk<1>> inputs_;  // along the same axes
  std::vector<bool> dense_;
  std::int64_t elements_ = 0, inner_ = 1, unit_ = 1;
  bool bundles_rows_ = false;
};

}  // namespace nabla::cpu
