#include "engine/backend/cpu/product/product_blocks.h"

#include <algorithm>
#include <bit>

namespace nabla::cpu {
namespace {

// A power of two, which most numbers of threads share evenly.
std::int64_t parts(std::int64_t extent, std::int64_t fewest, std::int64_t most) {
  const std::int64_t count = std::clamp<std::int64_t>(extent / fewest, 1, most);
  return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(count)));
}

// Where block i of `blocks` starts. Multiples of 16 suit the registers of every kernel.
std::int64_t start_of_block(std::int64_t i, std::int64_t blocks, std::int64_t extent) {
  return i == blocks ? extent : (i * extent / blocks + 8) / 16 * 16;
}

}  // namespace

// Blocks of many rows spare copies of b, which a kernel makes for each block; those of a transposed b cost
// most.
ProductBlocks::ProductBlocks(const MatmulShape& whole) : whole_(whole) {
  const double operations =
      2.0 * static_cast<double>(whole.m) * static_cast<double>(whole.n) * static_cast<double>(whole.k);
  if (operations < 1e6) return;
  std::int64_t blocks = operations < 16e6 ? 2 : 4;
  if (operations > 4e9) blocks = static_cast<std::int64_t>(operations / 5e8);
  const bool small = operations < 16e6;
  const bool b_transposed = whole.b_row == 1 && whole.b_column != 1;
  rows_ = parts(whole.m, small ? 16 : (whole.m < 512 ? 128 : 192), blocks);
  columns_ = b_transposed && rows_ > 1 ? 1 : parts(whole.n, small ? 16 : 64, blocks / rows_);
}

ProductBlock ProductBlocks::operator[](std::int64_t block) const {
  const std::int64_t row = block / columns_;
  const std::int64_t column = block % columns_;
  const std::int64_t i = start_of_block(row, rows_, whole_.m);
  const std::int64_t j = start_of_block(column, columns_, whole_.n);
  ProductBlock part{whole_, i * whole_.a_row, j * whole_.b_column, i * whole_.c_row + j};
  part.shape.m = start_of_block(row + 1, rows_, whole_.m) - i;
  part.shape.n = start_of_block(column + 1, columns_, whole_.n) - j;
  return part;
}

}  // namespace nabla::cpu
