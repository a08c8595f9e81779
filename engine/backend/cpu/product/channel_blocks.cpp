#include "engine/backend/cpu/product/channel_blocks.h"

#include <algorithm>
#include <cstring>

#include "engine/backend/variants.h"

namespace nabla::cpu {
namespace {

constexpr std::int64_t kSide = ChannelBlocks::kChannels;

// A tile of `rows` lines of `columns` elements, at most kSide of each, to its transpose.
struct Tile {
  const float* from;
  std::int64_t from_next;
  float* to;
  std::int64_t to_next;
};
void transpose_part(const Tile& tile, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      tile.to[c * tile.to_next + r] = tile.from[r * tile.from_next + c];
}

#if defined(__GNUC__)
using Quarter = float __attribute__((vector_size(16)));
using Half = float __attribute__((vector_size(32)));
using Line = float __attribute__((vector_size(64)));
using LineOfPairs = double __attribute__((vector_size(64)));

NABLAFLOW_INLINED Quarter load_quarter(const float* from) {
  Quarter quarter;
  std::memcpy(&quarter, from, sizeof quarter);
  return quarter;
}
NABLAFLOW_INLINED void store_line(float* to, const LineOfPairs& line) { std::memcpy(to, &line, sizeof line); }

// A whole tile: quarters of lines are loaded four apart, so that what is left to do lies within them.
NABLAFLOW_INLINED void transpose_whole(const Tile& tile) {
  NABLAFLOW_UNROLLED
  for (int quarter = 0; quarter < 4; ++quarter) {
    Line lines[4];
    NABLAFLOW_UNROLLED
    for (int k = 0; k < 4; ++k) {
      const float* from = tile.from + k * tile.from_next + 4 * quarter;
      const Half low = __builtin_shufflevector(load_quarter(from), load_quarter(from + 4 * tile.from_next), 0,
                                               1, 2, 3, 4, 5, 6, 7);
      const Half high =
          __builtin_shufflevector(load_quarter(from + 8 * tile.from_next),
                                  load_quarter(from + 12 * tile.from_next), 0, 1, 2, 3, 4, 5, 6, 7);
      lines[k] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    }
    // Of each fourth of two lines both first elements in turn, or both last ones.
    const auto a = (LineOfPairs)__builtin_shufflevector(lines[0], lines[1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24,
                                                        9, 25, 12, 28, 13, 29);
    const auto b = (LineOfPairs)__builtin_shufflevector(lines[0], lines[1], 2, 18, 3, 19, 6, 22, 7, 23, 10,
                                                        26, 11, 27, 14, 30, 15, 31);
    const auto c = (LineOfPairs)__builtin_shufflevector(lines[2], lines[3], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24,
                                                        9, 25, 12, 28, 13, 29);
    const auto d = (LineOfPairs)__builtin_shufflevector(lines[2], lines[3], 2, 18, 3, 19, 6, 22, 7, 23, 10,
                                                        26, 11, 27, 14, 30, 15, 31);
    float* to = tile.to + 4 * quarter * tile.to_next;
    store_line(to, __builtin_shufflevector(a, c, 0, 8, 2, 10, 4, 12, 6, 14));
    store_line(to + tile.to_next, __builtin_shufflevector(a, c, 1, 9, 3, 11, 5, 13, 7, 15));
    store_line(to + 2 * tile.to_next, __builtin_shufflevector(b, d, 0, 8, 2, 10, 4, 12, 6, 14));
    store_line(to + 3 * tile.to_next, __builtin_shufflevector(b, d, 1, 9, 3, 11, 5, 13, 7, 15));
  }
}
#else
inline void transpose_whole(const Tile& tile) { transpose_part(tile, kSide, kSide); }
#endif

// Calls tile(first place, places) for the places of a block; the last whole tile overlaps the one before.
template <class OfPlaces>
void for_each_tile(std::int64_t places, const OfPlaces& tile) {
  for (std::int64_t first = 0; first < places; first += kSide)
    if (places < kSide)
      tile(0, places);
    else
      tile(std::min(first, places - kSide), kSide);
}

template <bool kToWrite>
void fetch(const float* first, const float* last) {
  for (; first < last; first += 16) __builtin_prefetch(first, kToWrite, 2);
}

}  // namespace

void ChannelBlocks::to_blocks(const float* plain, float* blocks) const {
  const auto whole = variants<&transpose_whole>().at(instruction_set());
  for (std::int64_t sample = 0; sample < samples; ++sample)
    for (std::int64_t channel = 0; channel < channels; channel += kSide) {
      const std::int64_t rows = std::min(kSide, channels - channel);
      const float* from = plain + (sample * channels + channel) * places;
      if (rows < kSide) std::fill_n(blocks, kSide * places, 0.0f);
      const float* const end = plain + samples * channels * places;
      if (sample == 0 && channel == 0) fetch<false>(from, std::min(end, from + kSide * places));
      const float* const next = from + kSide * places;
      for_each_tile(places, [&](std::int64_t first, std::int64_t count) {
        fetch<false>(std::min(end, next + first * kSide), std::min(end, next + (first + count) * kSide));
        const Tile tile{from + first, places, blocks + first * kSide, kSide};
        if (rows == kSide && count == kSide)
          whole(tile);
        else
          transpose_part(tile, rows, count);
      });
      blocks += kSide * places;
    }
}

void ChannelBlocks::from_blocks(const float* blocks, float* plain) const {
  const auto whole = variants<&transpose_whole>().at(instruction_set());
  for (std::int64_t sample = 0; sample < samples; ++sample)
    for (std::int64_t channel = 0; channel < channels; channel += kSide) {
      const std::int64_t columns = std::min(kSide, channels - channel);
      float* to = plain + (sample * channels + channel) * places;
      const float* const end = plain + samples * channels * places;
      if (sample == 0 && channel == 0) fetch<true>(to, std::min(end, (const float*)to + kSide * places));
      const float* const next = to + kSide * places;
      for_each_tile(places, [&](std::int64_t first, std::int64_t count) {
        fetch<true>(std::min(end, next + first * kSide), std::min(end, next + (first + count) * kSide));
        const Tile tile{blocks + first * kSide, kSide, to + first, places};
        if (columns == kSide && count == kSide)
          whole(tile);
        else
          transpose_part(tile, count, columns);
      });
      blocks += kSide * places;
    }
}

}  // namespace nabla::cpu
