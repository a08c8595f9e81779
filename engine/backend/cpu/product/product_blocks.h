#pragma once

#include <cstdint>

#include "engine/backend/cpu/product/matmul.h"

namespace nabla::cpu {

/// A product of matrices, and where its operands and its result start within those of a larger one.
struct ProductBlock {
  MatmulShape shape;
  std::int64_t a, b, c;
};

/// A product of matrices cut into blocks, numbered row by row. The cut depends on its shape alone, so that
/// results do not depend on the number of threads.
class ProductBlocks {
 public:
  explicit ProductBlocks(const MatmulShape& whole);

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t count() const { return rows_ * columns_; }
  ProductBlock operator[](std::int64_t block) const;

 private:
  MatmulShape whole_;
  std::int64_t rows_ = 1;
  std::int64_t columns_ = 1;
};

}  // namespace nabla::cpu
