#include "nn/unet.h"

#include <string>

#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "nn/pictures.h"

namespace nabla::nn {
namespace {

const UNetOptions& checked_unet(const UNetOptions& o) {
  const auto refuse = [](const std::string& why) { throw Error("unet: " + why); };
  bool is_positive = o.channels >= 1 && o.height >= 1 && o.width >= 1 && o.base >= 1 && o.blocks >= 1 &&
                     !o.multipliers.empty();
  std::string multipliers;
  for (const std::int64_t multiplier : o.multipliers) {
    is_positive = is_positive && multiplier >= 1;
    multipliers += (multipliers.empty() ? "" : ", ") + std::to_string(multiplier);
  }
  if (!is_positive)
    refuse("channels " + std::to_string(o.channels) + ", height " + std::to_string(o.height) + ", width " +
           std::to_string(o.width) + ", base " + std::to_string(o.base) + ", blocks " +
           std::to_string(o.blocks) + " and multipliers [" + multipliers +
           "], of which there is one, must all be at least 1");
  if (o.groups < 0 || (o.groups > 0 && o.base % o.groups != 0))
    refuse(std::to_string(o.groups) + " groups must divide the base of " + std::to_string(o.base) +
           " channels, or be 0");
  if (o.heads < 0) refuse(std::to_string(o.heads) + " heads; there may be none, or more");
  std::int64_t height = o.height, width = o.width;
  for (std::size_t level = 1; level < o.multipliers.size(); ++level, height /= 2, width /= 2)
    if (height % 2 != 0 || width % 2 != 0)
      refuse("a picture of " + std::to_string(o.height) + " x " + std::to_string(o.width) +
             " cannot be halved " + std::to_string(o.multipliers.size() - 1) + " times");
  return o;
}

ConvolutionLayerOptions three_by_three(const UNetOptions& o, std::int64_t stride = 1, double gain = 1) {
  return {.window = {.stride = {stride}, .padding = {1}}, .gain = gain, .dtype = o.dtype};
}

}  // namespace

UNet::UNet(const Tensor& key, const UNetOptions& options)
    : options_(checked_unet(options)),
      condition_(fold_in(key, 0), conditioning_of(options_)),
      first_(fold_in(key, 1), options_.channels, options_.base * options_.multipliers[0], {3, 3},
             three_by_three(options_)),
      down_(options_.multipliers.size()),
      up_(options_.multipliers.size()),
      last_(fold_in(key, 2), options_.base * options_.multipliers[0], options_.channels, {3, 3},
            three_by_three(options_, /*stride=*/1, /*gain=*/0)) {
  std::uint32_t next = 3;
  const auto block = [&](std::int64_t inputs, std::int64_t outputs) {
    return ResidualBlock(fold_in(key, next++), inputs, outputs,
                         {.embedding = options_.embedding,
                          .groups = options_.groups,
                          .activation = options_.activation,
                          .dtype = options_.dtype});
  };
  const auto onward = [&](std::int64_t channels, bool is_up) {
    ConvolutionLayerOptions layer = three_by_three(options_, is_up ? 1 : 2);
    if (is_up) layer.upsample = {2, 2};
    return Convolution(fold_in(key, next++), channels, channels, {3, 3}, layer);
  };
  const auto channels_of = [&](std::size_t level) { return options_.base * options_.multipliers[level]; };
  const std::size_t levels = down_.size();
  const GroupNormOptions norm{.dtype = options_.dtype};

  std::int64_t channels = channels_of(0);
  for (std::size_t l = 0; l < levels; ++l) {
    for (std::int64_t b = 0; b < options_.blocks; ++b) {
      down_[l].blocks.push_back(block(channels, channels_of(l)));
      channels = channels_of(l);
    }
    if (l + 1 < levels) down_[l].onward.emplace(onward(channels, /*is_up=*/false));
  }
  for (int b = 0; b < 2; ++b) middle_.push_back(block(channels, channels));
  if (options_.heads > 0) {
    if (options_.groups > 0) attention_norm_.emplace(options_.groups, channels, norm);
    attention_.emplace(fold_in(key, next++), channels, options_.heads,
                       MultiHeadAttentionOptions{.dtype = options_.dtype});
  }
  for (std::size_t l = levels; l-- > 0;) {
    for (std::int64_t b = 0; b < options_.blocks; ++b) {
      up_[l].blocks.push_back(block(channels + channels_of(l), channels_of(l)));
      channels = channels_of(l);
    }
    if (l > 0) up_[l].onward.emplace(onward(channels, /*is_up=*/true));
  }
  if (options_.groups > 0) last_norm_.emplace(options_.groups, channels, norm);

  const auto add_levels = [&](const std::string& way, const std::vector<Level>& levels_there,
                              const char* onward_name) {
    for (std::size_t l = 0; l < levels_there.size(); ++l) {
      const std::string prefix = way + "." + std::to_string(l) + ".";
      for (std::size_t b = 0; b < levels_there[l].blocks.size(); ++b)
        add_part(prefix + "blocks." + std::to_string(b), levels_there[l].blocks[b]);
      if (levels_there[l].onward) add_part(prefix + onward_name, *levels_there[l].onward);
    }
  };
  add_part("condition", condition_);
  add_part("first", first_);
  add_levels("down", down_, "downsample");
  for (std::size_t b = 0; b < middle_.size(); ++b) add_part("middle.blocks." + std::to_string(b), middle_[b]);
  if (attention_norm_) add_part("middle.norm", *attention_norm_);
  if (attention_) add_part("middle.attention", *attention_);
  add_levels("up", up_, "upsample");
  if (last_norm_) add_part("last_norm", *last_norm_);
  add_part("last", last_);
}

Tensor UNet::attended(const Tensor& h) const {
  const Shape& s = h.shape();
  const Tensor normed = attention_norm_ ? (*attention_norm_)(h) : h;
  const Tensor places = transpose(reshape(normed, {s[0], s[1], s[2] * s[3]}));
  return reshape(transpose((*attention_)(places, places, places)), s);
}

Tensor UNet::operator()(const Tensor& x, const Tensor& t, const std::optional<Tensor>& gap,
                        const std::optional<Tensor>& classes) const {
  const Tensor pictures = as_pictures("unet", x, Shape{options_.channels, options_.height, options_.width});
  const Tensor e = condition_("unet", x, t, gap, classes);
  Tensor h = first_(pictures);
  std::vector<Tensor> made;
  for (const Level& level : down_) {
    for (const ResidualBlock& block : level.blocks) made.push_back(h = block(h, e));
    if (level.onward) h = (*level.onward)(h);
  }
  h = middle_[0](h, e);
  if (attention_) h = h + attended(h);
  h = middle_[1](h, e);
  for (std::size_t l = up_.size(); l-- > 0;) {
    for (const ResidualBlock& block : up_[l].blocks) {
      h = block(concatenate({h, made.back()}, -3), e);
      made.pop_back();
    }
    if (up_[l].onward) h = (*up_[l].onward)(h);
  }
  if (last_norm_) h = (*last_norm_)(h);
  return reshape(last_(activate(options_.activation, h)), x.shape());
}

}  // namespace nabla::nn
