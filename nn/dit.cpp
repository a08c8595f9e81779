#include "nn/dit.h"

#include <cmath>
#include <string>

#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "nn/modulate.h"
#include "nn/pictures.h"

namespace nabla::nn {
namespace {

const DiTOptions& checked_dit(const DiTOptions& o) {
  const auto refuse = [](const std::string& why) { throw Error("dit: " + why); };
  if (o.channels < 1 || o.height < 1 || o.width < 1 || o.patch < 1 || o.hidden < 1 || o.depth < 1 ||
      o.mlp_ratio < 1)
    refuse("channels " + std::to_string(o.channels) + ", height " + std::to_string(o.height) + ", width " +
           std::to_string(o.width) + ", patch " + std::to_string(o.patch) + ", hidden " +
           std::to_string(o.hidden) + ", depth " + std::to_string(o.depth) + " and mlp ratio " +
           std::to_string(o.mlp_ratio) + " must all be at least 1");
  if (o.height % o.patch != 0 || o.width % o.patch != 0)
    refuse("patches of " + std::to_string(o.patch) + " do not tile a picture of " + std::to_string(o.height) +
           " x " + std::to_string(o.width));
  if (!o.learned_positions && o.hidden % 4 != 0)
    refuse("sines and cosines along two axes need a hidden width that is a multiple of 4, not " +
           std::to_string(o.hidden));
  return o;
}

// A picture's rows and columns of patches.
std::int64_t rows_of_patches(const DiTOptions& o) { return o.height / o.patch; }
std::int64_t columns_of_patches(const DiTOptions& o) { return o.width / o.patch; }
std::int64_t patch_size(const DiTOptions& o) { return o.channels * o.patch * o.patch; }

// [B, C, H, W] -> [B, L, C patch patch].
Tensor tokens_of(const Tensor& pictures, const DiTOptions& o) {
  const std::int64_t samples = pictures.shape()[0], rows = rows_of_patches(o),
                     columns = columns_of_patches(o);
  const Tensor cut = reshape(pictures, Shape{samples, o.channels, rows, o.patch, columns, o.patch});
  return reshape(permute(cut, {0, 2, 4, 1, 3, 5}), Shape{samples, rows * columns, patch_size(o)});
}

// The other way round.
Tensor pictures_of(const Tensor& tokens, const DiTOptions& o) {
  const std::int64_t samples = tokens.shape()[0], rows = rows_of_patches(o), columns = columns_of_patches(o);
  const Tensor cut = reshape(tokens, Shape{samples, rows, columns, o.channels, o.patch, o.patch});
  return reshape(permute(cut, {0, 3, 1, 4, 2, 5}), Shape{samples, o.channels, o.height, o.width});
}

// Sines and cosines of row and column [L, hidden], a quarter of the width each, at the frequencies of
// Vaswani et al., arXiv 1706.03762, section 3.5.
Tensor sinusoidal_positions(const DiTOptions& o) {
  const std::int64_t quarter = o.hidden / 4;
  std::vector<double> values;
  for (std::int64_t row = 0; row < rows_of_patches(o); ++row)
    for (std::int64_t column = 0; column < columns_of_patches(o); ++column)
      for (const std::int64_t place : {row, column})
        for (const bool is_cosine : {false, true})
          for (std::int64_t i = 0; i < quarter; ++i) {
            const double angle = static_cast<double>(place) *
                                 std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(quarter));
            values.push_back(is_cosine ? std::cos(angle) : std::sin(angle));
          }
  const Shape shape{rows_of_patches(o) * columns_of_patches(o), o.hidden};
  return cast(tensor(values, shape), o.dtype).detach();
}

}  // namespace

DiT::DiT(const Tensor& key, const DiTOptions& options)
    : options_(checked_dit(options)),
      condition_(fold_in(key, 0), conditioning_of(options)),
      first_(fold_in(key, 1), patch_size(options), options.hidden, {.dtype = options.dtype}),
      last_modulation_(fold_in(key, 2), options.embedding, 2 * options.hidden,
                       {.gain = 0, .dtype = options.dtype}),
      last_(fold_in(key, 3), options.hidden, patch_size(options), {.gain = 0, .dtype = options.dtype}) {
  for (std::int64_t i = 0; i < options.depth; ++i)
    blocks_.emplace_back(fold_in(key, 5 + i), DiTBlockOptions{.hidden = options.hidden,
                                                              .heads = options.heads,
                                                              .mlp_ratio = options.mlp_ratio,
                                                              .embedding = options.embedding,
                                                              .qk_norm = options.qk_norm,
                                                              .dtype = options.dtype});
  add_part("condition", condition_);
  add_part("first", first_);
  if (options.learned_positions) {
    const Shape shape{rows_of_patches(options) * columns_of_patches(options), options.hidden};
    learned_positions_ = &add_parameter("positions", normal(fold_in(key, 4), shape, options.dtype) * 0.02);
  } else {
    positions_ = sinusoidal_positions(options);
  }
  for (std::size_t i = 0; i < blocks_.size(); ++i) add_part("blocks." + std::to_string(i), blocks_[i]);
  add_part("last_modulation", last_modulation_);
  add_part("last", last_);
}

Tensor DiT::operator()(const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap,
                       const std::optional<Tensor>& classes) const {
  const Tensor pictures = as_pictures("dit", x, Shape{options_.channels, options_.height, options_.width});
  const Tensor e = condition_("dit", x, t, gap, classes);
  Tensor h = first_(tokens_of(pictures, options_)) + positions();
  for (const DiTBlock& block : blocks_) h = block(h, e);
  const std::vector<Tensor> m = token_modulation(last_modulation_, e, 2);
  return reshape(pictures_of(last_(modulate(token_norm(h), m[0], m[1])), options_), x.shape());
}

}  // namespace nabla::nn
