#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/attention.h"
#include "nn/conditioning.h"
#include "nn/residual_block.h"

namespace nabla::nn {

struct UNetOptions {
  std::int64_t channels = 1;  ///< of a picture
  std::int64_t height = 28;
  std::int64_t width = 28;
  std::int64_t base = 16;  ///< channels of features where the multiplier is 1
  /// Channels of each level over `base`; from level to level height and width are halved.
  std::vector<std::int64_t> multipliers = {1, 2, 2};
  std::int64_t blocks = 1;  ///< residual blocks of a level on each way, down and up
  std::int64_t groups = 8;  ///< of the group norms; 0 leaves out all norms
  std::int64_t heads = 0;   ///< of attention between the places of the lowest level; 0 for none
  Activation activation = Activation::silu;
  std::int64_t embedding = 64;    ///< width of the condition
  std::int64_t frequencies = 16;  ///< of the times
  double highest_turns = 8;
  bool second_time = false;  ///< also takes r - t (average velocities)
  std::int64_t classes = 0;  ///< 0 for none
  DType dtype = DType::f32;
};

/// A field f(x, t) of pictures (Ronneberger, Fischer and Brox, arXiv 1505.04597, with the residual blocks of
/// Ho, Jain and Abbeel, arXiv 2006.11239): levels of blocks down to the lowest, two blocks there with
/// attention between them, and up again, where every block also sees what its counterpart has made. Times and
/// class enter every block as a scale and a shift. The last convolution starts at zero, and so does f.
/// Parameters are called as "down.0.blocks.0.conv1.weight", "middle.attention.out_proj.bias",
/// "up.1.upsample.weight".
class UNet : public Module {
 public:
  /// Initial weights follow from `key` [2] alone. @throws Error for numbers below 1, groups that do not
  /// divide `base`, heads that do not divide the channels of the lowest level, and pictures that cannot be
  /// halved as often as there are levels below the first.
  UNet(const Tensor& key, const UNetOptions& options);

  /// x [B, channels height width] or [B, channels, height, width], and t [B, 1] or [1, 1] -> the shape of x.
  /// `gap` is r - t, shaped like t; given if and only if the options ask for a second time. `classes` [B] or
  /// [1] are integers from 0 on; the class options().classes, and none given, mean no class.
  /// @throws Error where shapes do not fit; evaluation throws for a class that does not exist.
  Tensor operator()(const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap = std::nullopt,
                    const std::optional<Tensor>& classes = std::nullopt) const;

  const UNetOptions& options() const { return options_; }

 private:
  // The blocks of one resolution, and what leads to the next: not from the lowest on the way down, nor from
  // the highest on the way up.
  struct Level {
    std::vector<ResidualBlock> blocks;
    std::optional<Convolution> onward;
  };

  // What places tell each other: [B, C, H, W] of the same shape.
  Tensor attended(const Tensor& h) const;

  UNetOptions options_;
  Conditioning condition_;
  Convolution first_;
  std::vector<Level> down_;  // both from the highest resolution to the lowest
  std::vector<ResidualBlock> middle_;
  std::optional<GroupNorm> attention_norm_;
  std::optional<MultiHeadAttention> attention_;
  std::vector<Level> up_;
  std::optional<GroupNorm> last_norm_;
  Convolution last_;
};

}  // namespace nabla::nn
