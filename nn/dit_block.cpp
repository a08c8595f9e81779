#include "nn/dit_block.h"

#include "engine/ops/normalise.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "nn/modulate.h"

namespace nabla::nn {

DiTBlock::DiTBlock(const Tensor& key, const DiTBlockOptions& options)
    : modulation_(fold_in(key, 0), options.embedding, 6 * options.hidden,
                  {.gain = 0, .dtype = options.dtype}),
      attention_(fold_in(key, 1), options.hidden, options.heads,
                 {.qk_norm = options.qk_norm, .dtype = options.dtype}),
      mlp1_(fold_in(key, 2), options.hidden, options.mlp_ratio * options.hidden, {.dtype = options.dtype}),
      mlp2_(fold_in(key, 3), options.mlp_ratio * options.hidden, options.hidden, {.dtype = options.dtype}) {
  add_part("modulation", modulation_);
  add_part("attention", attention_);
  add_part("mlp1", mlp1_);
  add_part("mlp2", mlp2_);
}

Tensor DiTBlock::operator()(const Tensor& x, const Tensor& e) const {
  const std::vector<Tensor> m = token_modulation(modulation_, e, 6);
  const Tensor y = modulate(token_norm(x), m[0], m[1]);
  const Tensor h = x + m[2] * attention_(y, y, y);
  return h + m[5] * mlp2_(gelu(mlp1_(modulate(token_norm(h), m[3], m[4]))));
}

std::vector<Tensor> token_modulation(const Linear& map, const Tensor& e, std::int64_t count) {
  const std::vector<std::int64_t> extents(static_cast<std::size_t>(count), map.outputs() / count);
  return split(insert_axes(map(e), {-2}), extents, -1);
}

Tensor token_norm(const Tensor& x) { return layer_norm(x, 1, 1e-6); }

}  // namespace nabla::nn
