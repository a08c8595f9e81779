#pragma once

#include <cstddef>
#include <cstdint>

namespace nabla::cuda {

/// How the threads of a kernel share rows.
struct TileRowThreads {
  int lanes;    ///< adjacent elements that a thread takes at once
  int per_row;  ///< threads of a row: a power of two up to 32, or all of a block
  int block;    ///< threads of a block
  int pieces;   ///< times `lanes` that a thread keeps of a row; 0: they are too many and read again

  std::int64_t step() const { return std::int64_t{per_row} * lanes; }
  bool is_block() const { return per_row > 32; }
  /// What a thread has in registers with `bytes` for each of its elements.
  std::int64_t bytes_of_thread(std::size_t bytes) const {
    return static_cast<std::int64_t>(bytes) * lanes * pieces;
  }
};

/// For `rows` rows of `length` elements with accesses of up to `widest` of them, where a thread that keeps
/// its elements keeps `bytes` for each.
TileRowThreads row_threads(std::int64_t rows, std::int64_t length, int widest, std::size_t bytes);

}  // namespace nabla::cuda
