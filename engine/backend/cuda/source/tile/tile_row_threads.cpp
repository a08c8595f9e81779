#include "engine/backend/cuda/source/tile/tile_row_threads.h"

#include <algorithm>
#include <bit>

namespace nabla::cuda {
namespace {

// What a thread may have of its row in registers, in bytes: half of the registers it may have.
constexpr std::int64_t kMostBytes = 512;
// A warp takes rows up to here, if there are enough of them to keep all multiprocessors busy.
constexpr std::int64_t kLongestOfWarp = 1024;
constexpr std::int64_t kManyRows = 4096;
constexpr int kSmallBlock = 128, kLargestBlock = 1024;

std::int64_t quotient_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

int whole_warps(std::int64_t threads) { return static_cast<int>(quotient_up(threads, 32) * 32); }

}  // namespace

TileRowThreads row_threads(std::int64_t rows, std::int64_t length, int widest, std::size_t bytes) {
  int lanes = widest;
  while (length % lanes != 0) lanes /= 2;
  const std::int64_t accesses = length / lanes;
  const std::int64_t most_pieces = std::max<std::int64_t>(
      0, kMostBytes / std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes) * lanes));
  const auto shared_by = [&](int per_row, int block) {
    const std::int64_t pieces = quotient_up(accesses, per_row);
    return TileRowThreads{lanes, per_row, block, pieces <= most_pieces ? static_cast<int>(pieces) : 0};
  };

  // Two accesses for each of some threads of a warp.
  const std::int64_t pair = quotient_up(accesses, 2);
  if (pair <= 32) {
    const int few = static_cast<int>(std::bit_ceil(static_cast<std::uint64_t>(pair)));
    if (const TileRowThreads threads = shared_by(few, kSmallBlock); threads.pieces > 0 || few == 32)
      return threads;
    return shared_by(std::min(32, 2 * few), kSmallBlock);
  }
  if (length <= kLongestOfWarp && rows >= kManyRows)
    if (const TileRowThreads threads = shared_by(32, kSmallBlock); threads.pieces > 0) return threads;
  // A block: one access for each thread, or up to four where that is enough for its size.
  for (const int share : {1, 2, 4, 8}) {
    const int block = whole_warps(quotient_up(accesses, share));
    if (block > (share < 4 ? 256 : share == 4 ? 512 : kLargestBlock)) continue;
    if (const TileRowThreads threads = shared_by(block, block); threads.pieces > 0) return threads;
    break;
  }
  const int block = std::min(kLargestBlock, whole_warps(accesses));
  if (const TileRowThreads threads = shared_by(block, block); threads.pieces > 0 && threads.pieces <= 8)
    return threads;
  const int turning = std::clamp(whole_warps(quotient_up(accesses, 4)), kSmallBlock, kLargestBlock);
  return {lanes, turning, turning, 0};
}

}  // namespace nabla::cuda
