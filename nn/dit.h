#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/conditioning.h"
#include "nn/dit_block.h"

namespace nabla::nn {

struct DiTOptions {
  std::int64_t channels = 1;  ///< of a picture
  std::int64_t height = 28;
  std::int64_t width = 28;
  std::int64_t patch = 4;    ///< height and width of what becomes one token
  std::int64_t hidden = 64;  ///< width of the tokens
  std::int64_t depth = 4;    ///< number of blocks
  std::int64_t heads = 4;
  std::int64_t mlp_ratio = 4;                ///< hidden width of the perceptrons over that of the tokens
  bool qk_norm = false;                      ///< see MultiHeadAttentionOptions
  bool learned_positions = false;            ///< whether the positions are parameters; else sines and cosines
  Activation activation = Activation::silu;  ///< of the condition
  std::int64_t embedding = 64;               ///< width of the condition
  std::int64_t frequencies = 16;             ///< of the times
  double highest_turns = 8;
  bool second_time = false;  ///< also takes r - t (average velocities)
  std::int64_t classes = 0;  ///< 0 for none
  DType dtype = DType::f32;
};

/// A field f(x, t) of pictures by a diffusion transformer (Peebles and Xie, "Scalable Diffusion Models with
/// Transformers", arXiv 2212.09748, with adaLN-Zero): patches become tokens, a position is added to each, and
/// blocks that times and class modulate make of them the patches of the result. The last linear map starts at
/// zero, and so does f. Parameters are called as "blocks.0.attention.in_proj_weight", "last.weight".
class DiT : public Module {
 public:
  /// Initial weights follow from `key` [2] alone. @throws Error for numbers below 1, a patch that does not
  /// divide height and width, heads that do not divide `hidden`, and, where positions are not learned, a
  /// `hidden` that is no multiple of 4.
  DiT(const Tensor& key, const DiTOptions& options);

  /// x [B, channels height width] or [B, channels, height, width], and t [B, 1] or [1, 1] -> the shape of x.
  /// `gap` is r - t, shaped like t; given if and only if the options ask for a second time. `classes` [B] or
  /// [1] are integers from 0 on; the class options().classes, and none given, mean no class.
  /// @throws Error where shapes do not fit; evaluation throws for a class that does not exist.
  Tensor operator()(const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap = std::nullopt,
                    const std::optional<Tensor>& classes = std::nullopt) const;

  const DiTOptions& options() const { return options_; }

 private:
  Tensor positions() const { return learned_positions_ ? learned_positions_->get() : positions_; }

  DiTOptions options_;
  Conditioning condition_;
  Linear first_;
  Tensor positions_;  // [L, hidden]; empty where they are learned
  Cell* learned_positions_ = nullptr;
  std::vector<DiTBlock> blocks_;
  Linear last_modulation_;
  Linear last_;
};

}  // namespace nabla::nn
