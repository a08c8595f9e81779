#include "nn/embedding.h"

#include <string>

#include "engine/graph/node.h"
#include "engine/ops/indexing.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/random.h"
#include "engine/ops/shaping.h"

namespace nabla::nn {

Embedding::Embedding(const Tensor& key, std::int64_t count, std::int64_t width,
                     const EmbeddingOptions& options) {
  if (count < 1 || width < 1)
    throw Error("embedding: " + std::to_string(count) + " classes of width " + std::to_string(width) +
                "; both must be at least 1");
  weight_ = &add_parameter("weight", normal(key, Shape{count, width}, options.dtype));
}

Tensor Embedding::operator()(const Tensor& classes, std::source_location where) const {
  if (!is_integer(classes.dtype()))
    throw Error("embedding: classes " + to_string(classes.shape()) + " " +
                std::string(name_of(classes.dtype())) + " must be of an integer type");
  const SourceScope scope(where);
  const Tensor rows = take(weight_->get(), reshape(cast(classes, DType::i64), Shape{classes.size()}));
  return reshape(rows, concatenate(classes.shape(), Shape{width()}));
}

}  // namespace nabla::nn
