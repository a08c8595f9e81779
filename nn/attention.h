#pragma once

#include <cstdint>
#include <optional>

#include "engine/autodiff/attention.h"
#include "nn/norm.h"

namespace nabla::nn {

struct MultiHeadAttentionOptions {
  bool bias = true;
  /// Whether queries and keys pass an RmsNorm in their heads, so that scores stay bounded (Esser et al.,
  /// arXiv 2403.03206): further parameters "query_norm.weight" and "key_norm.weight" [width / heads].
  bool qk_norm = false;
  DType dtype = DType::f32;
};

/// attention() in several heads, each on a projection of its own of queries, keys and values, and a
/// projection of all their results (Vaswani et al., arXiv 1706.03762, section 3.2.2). Parameters have the
/// names, layouts and initial values of PyTorch's MultiheadAttention: "in_proj_weight" [3 width, width] with
/// the rows of queries, keys and values in turn and "out_proj.weight" [width, width], both for products with
/// the transpose, "in_proj_bias" [3 width] and "out_proj.bias" [width].
class MultiHeadAttention : public Module {
 public:
  /// @throws Error unless there is a head, and the heads divide the width.
  MultiHeadAttention(const Tensor& key, std::int64_t width, std::int64_t heads,
                     const MultiHeadAttentionOptions& options = {});

  /// queries [.., Lq, width], keys and values [.., Lk, width] -> [.., Lq, width]. A mask broadcasts to the
  /// scores [.., heads, Lq, Lk], and in one of bool true says that a query may attend, unlike in PyTorch's
  /// layer. The scale is 1 / sqrt(width / heads) unless it is given.
  /// @throws Error for another width, and as attention() does.
  Tensor operator()(const Tensor& queries, const Tensor& keys, const Tensor& values,
                    const AttentionOptions& options = {},
                    std::source_location where = std::source_location::current()) const;

  std::int64_t width() const { return out_weight_->shape()[0]; }
  std::int64_t heads() const { return heads_; }

 private:
  // The projection `part` (0: queries, 1: keys, 2: values) in heads: [.., heads, L, width / heads].
  Tensor projected(const char* what, const Tensor& x, int part) const;

  std::int64_t heads_;
  Cell* in_weight_;
  Cell* in_bias_ = nullptr;
  Cell* out_weight_;
  Cell* out_bias_ = nullptr;
  std::optional<RmsNorm> query_norm_;
  std::optional<RmsNorm> key_norm_;
};

}  // namespace nabla::nn
