#pragma once

#include <cstdint>

#include "nn/module.h"

namespace nabla::nn {

struct EmbeddingOptions {
  DType dtype = DType::f32;
};

/// A row of "weight" [count, width], initially standard normal as in PyTorch, for each class.
class Embedding : public Module {
 public:
  /// @throws Error for a count or width below 1.
  Embedding(const Tensor& key, std::int64_t count, std::int64_t width, const EmbeddingOptions& options = {});

  /// classes [..] of an integer type -> [.., width]. @throws Error for another type; evaluation throws for a
  /// class outside [0, count).
  Tensor operator()(const Tensor& classes,
                    std::source_location where = std::source_location::current()) const;

  std::int64_t count() const { return weight_->shape()[0]; }
  std::int64_t width() const { return weight_->shape()[1]; }

 private:
  Cell* weight_;
};

}  // namespace nabla::nn
