#include "nn/attention.h"

#include <cmath>
#include <string>

#include "engine/graph/node.h"
#include "engine/ops/constant.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"
#include "engine/ops/slicing.h"
#include "nn/initialise.h"
#include "nn/linear.h"

namespace nabla::nn {

MultiHeadAttention::MultiHeadAttention(const Tensor& key, std::int64_t width, std::int64_t heads,
                                       const MultiHeadAttentionOptions& options)
    : heads_(heads) {
  if (width < 1 || heads < 1 || width % heads != 0)
    throw Error("multi-head attention: a width of " + std::to_string(width) + " does not fall into " +
                std::to_string(heads) + " heads");
  const DType dtype = options.dtype;
  in_weight_ = &add_parameter("in_proj_weight", initial_value(Initialiser::xavier_uniform, fold_in(key, 0),
                                                              Shape{3 * width, width}, dtype));
  if (options.bias) in_bias_ = &add_parameter("in_proj_bias", zeros(Shape{3 * width}, dtype));
  out_weight_ =
      &add_parameter("out_proj.weight", fan_in_uniform(fold_in(key, 1), Shape{width, width}, width, dtype));
  if (options.bias) out_bias_ = &add_parameter("out_proj.bias", zeros(Shape{width}, dtype));
  if (!options.qk_norm) return;
  query_norm_.emplace(Shape{width / heads}, RmsNormOptions{.dtype = dtype});
  key_norm_.emplace(Shape{width / heads}, RmsNormOptions{.dtype = dtype});
  add_part("query_norm", *query_norm_);
  add_part("key_norm", *key_norm_);
}

Tensor MultiHeadAttention::projected(const char* what, const Tensor& x, int part) const {
  if (x.rank() < 2 || x.shape()[-1] != width())
    throw Error(std::string("multi-head attention: ") + what + " " + to_string(x.shape()) +
                " must be [.., L, " + std::to_string(width()) + "]");
  const auto own = [&](const Cell& cell) {
    return slice(cell.get(), 0, part * width(), (part + 1) * width());
  };
  Tensor y = times_transpose(x, own(*in_weight_));
  if (in_bias_) y = y + own(*in_bias_);
  Shape in_heads = x.shape().first(x.rank() - 1);
  in_heads.push_back(heads_);
  in_heads.push_back(width() / heads_);
  return transpose(reshape(y, in_heads), -2, -3);
}

Tensor MultiHeadAttention::operator()(const Tensor& queries, const Tensor& keys, const Tensor& values,
                                      const AttentionOptions& options, std::source_location where) const {
  const SourceScope scope(where);
  Tensor q = projected("queries", queries, 0);
  Tensor k = projected("keys", keys, 1);
  if (query_norm_) q = (*query_norm_)(q);
  if (key_norm_) k = (*key_norm_)(k);
  const Tensor heads = attention(q, k, projected("values", values, 2), options);
  const Tensor beside = transpose(heads, -2, -3);
  Shape joined = beside.shape().first(beside.rank() - 2);
  joined.push_back(width());
  const Tensor y = times_transpose(reshape(beside, joined), out_weight_->get());
  return out_bias_ ? y + out_bias_->get() : y;
}

}  // namespace nabla::nn
