#pragma once

#include <cstdint>

namespace nabla::cpu {

/// Samples [samples, channels, places] with channels innermost in blocks of 16, [samples, blocks, places,
/// 16], as oneDNN's convolutions take them where vectors hold 16 numbers. The last block is filled up with
/// zeros.
struct ChannelBlocks {
  static constexpr std::int64_t kChannels = 16;  ///< of a block

  std::int64_t samples, channels, places;

  /// Copies dense samples into blocks.
  void to_blocks(const float* plain, float* blocks) const;
  /// Copies them back.
  void from_blocks(const float* blocks, float* plain) const;
};

}  // namespace nabla::cpu
